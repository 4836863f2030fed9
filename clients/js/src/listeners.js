// The listeners of events: callbacks, or loops that read events in order with `for await`.

/** Events that may wait for a slow loop. With more, the loop ends with an error, so that no event is lost unnoticed. */
const WAITING = 10_000;

export class Listeners {
  #calls = new Map();
  #loops = new Set();

  on(name, call) {
    if (!this.#calls.has(name)) this.#calls.set(name, new Set());
    this.#calls.get(name).add(call);
    return () => this.#calls.get(name).delete(call);
  }

  emit(name, value) {
    for (const call of this.#calls.get(name) ?? []) call(value);
  }

  /** Ends every loop. */
  end() {
    for (const end of this.#loops) end();
  }

  iterate(name, { signal } = {}) {
    const waiting = [];
    let over = false;
    let failed = null;
    let awake = () => {};
    const end = () => {
      over = true;
      off();
      this.#loops.delete(end);
      signal?.removeEventListener('abort', end);
      awake();
    };
    const off = this.on(name, (value) => {
      if (waiting.length < WAITING) waiting.push(value);
      else failed = new Error(`${WAITING} events of ${name} wait for a loop that does not read them`);
      if (failed) end();
      awake();
    });
    this.#loops.add(end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    const next = async () => {
      while (!waiting.length && !over) await new Promise((resolve) => (awake = resolve));
      if (waiting.length) return { value: waiting.shift(), done: false };
      if (failed) throw failed;
      return { value: undefined, done: true };
    };
    const stop = async () => {
      end();
      return { value: undefined, done: true };
    };
    return { next, return: stop, [Symbol.asyncIterator]() { return this; } };
  }
}
