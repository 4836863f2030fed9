// The faults of a page's layout, found in the page itself: what is clipped, too small to press, cut, or covered.

/** Runs in the page. Returns a sentence for each fault that can be seen now. */
export function layoutFaults() {
  const TARGET = 44;
  const faults = [];
  const dialog = [...document.querySelectorAll('dialog:modal')].at(-1);
  const root = dialog ?? document.body;
  const say = (node) => {
    const text = (node.getAttribute('aria-label') ?? node.textContent).trim().replace(/\s+/g, ' ').slice(0, 40);
    return `${node.localName}${node.id ? `#${node.id}` : `.${node.className}`} “${text}”`;
  };
  const visible = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !node.closest('.sr, .skip:not(:focus), .line.same .by, .effects, [inert]');
  const style = (node) => getComputedStyle(node);
  /** Whether it is cut by something that cannot be scrolled. What can be scrolled into view is not cut. */
  const clippedBy = (node) => {
    const box = node.getBoundingClientRect();
    let [across, down] = [true, true]; // not yet inside of something that scrolls this way
    for (let outer = node.parentElement; outer; outer = outer.parentElement) {
      const { overflowX, overflowY, position } = style(outer);
      const around = outer === document.documentElement ? { left: 0, top: 0, right: innerWidth, bottom: innerHeight } : outer.getBoundingClientRect();
      if (/auto|scroll/.test(overflowX)) across = false;
      if (/auto|scroll/.test(overflowY)) down = false;
      const end = outer === document.documentElement || outer === root;
      if (across && (end || /hidden|clip/.test(overflowX)) && (box.left < around.left - 1 || box.right > around.right + 1)) return outer;
      if (down && /hidden|clip/.test(overflowY) && (box.top < around.top - 1 || box.bottom > around.bottom + 1)) return outer;
      if (position === 'fixed') return null;
    }
    return null;
  };

  for (const node of root.querySelectorAll('button, a[href], input, select, textarea, summary')) {
    if (!visible(node) && !node.matches('input[type=radio]')) continue;
    const label = node.matches('input[type=radio]') ? node.closest('label') : node;
    if (!label.checkVisibility()) continue;
    const { width, height } = label.getBoundingClientRect();
    if (width < TARGET - 0.5 || height < TARGET - 0.5) faults.push(`${say(label)} is ${Math.round(width)} × ${Math.round(height)} px`);
    const by = clippedBy(label);
    if (by) faults.push(`${say(label)} is cut off by ${say(by)}`);
  }

  // What another element covers cannot be pressed. Only what is in view is asked about.
  for (const node of root.querySelectorAll('button:not(:disabled), a[href], select')) {
    if (!visible(node)) continue;
    const box = node.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
    const scroller = node.parentElement.closest('.scroller, .scroll, .seats, .rail, .frames, .people, #gift-tiles, main, dialog');
    const seen = scroller?.getBoundingClientRect();
    if (seen && (y < seen.top || y > seen.bottom || x < seen.left || x > seen.right)) continue;
    const top = document.elementFromPoint(x, y);
    if (top && !node.contains(top) && !top.contains(node) && !top.closest('.give-sheet, .link, .notice, .wire, .bar, .sheet-head')) faults.push(`${say(node)} is covered by ${say(top)}`);
  }

  // The page's own words are never cut; what people wrote (`dir=auto`, `bdi`) may end in an ellipsis.
  for (const node of root.querySelectorAll('*')) {
    if (!node.childNodes.length || !visible(node) || node.matches('select, option, input, pre, bdi, [dir=auto]') || node.closest('[dir=auto], bdi, svg')) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const { overflowX } = style(node);
    if (/hidden|clip/.test(overflowX) && node.scrollWidth > node.clientWidth + 1) faults.push(`the text of ${say(node)} is cut`);
    else if (clippedBy(node)) faults.push(`the text of ${say(node)} is cut off by ${say(clippedBy(node))}`);
  }

  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  const pill = document.querySelector('#connection');
  const { left = 0, right = 0 } = pill?.getBoundingClientRect() ?? {};
  if (document.body.dataset.view !== 'sign-in' && (!pill?.checkVisibility() || left < 0 || right > innerWidth)) faults.push('the state of the connection is not in sight');
  return faults;
}
