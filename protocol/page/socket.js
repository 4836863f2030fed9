// The search of the socket's page: shows the messages, types and rows that have every word.

const field = document.querySelector("#search");
const found = document.querySelector("#found");
const entries = [...document.querySelectorAll("main section, main tr[id]")].map((node) => ({
  node,
  link: document.querySelector(`nav a[href="#${CSS.escape(node.id)}"]`)?.parentElement,
  text: node.textContent.toLowerCase(),
}));

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { node, link, text } of entries) {
    const fits = words.every((word) => text.includes(word));
    node.hidden = !fits;
    if (link) link.hidden = !fits;
    if (fits) count += 1;
  }
  found.textContent = words.length ? `${count} of ${entries.length}` : "";
}

field.addEventListener("input", search);
field.closest("p").hidden = false;
// A browser that comes back to the page fills the field in by itself.
search();
