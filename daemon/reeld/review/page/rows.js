// The sessions that match a question, asked for in portions when they come into sight. Portions far away are forgotten.

import { ask } from "./api.js";

const PORTION = 100;
const PORTIONS_MAX = 20;

export class Rows extends EventTarget {
  #portions = new Map();
  #generation = 0;

  constructor() {
    super();
    this.total = 0;
    this.filters = {};
    this.warnings = [];
  }

  // Ask anew; what is shown stays until the answer is there.
  async load(filters = this.filters) {
    const mine = ++this.#generation;
    const found = await ask("/api/sessions", { ...filters, offset: 0, count: PORTION });
    if (mine !== this.#generation) return; // a later question was answered first
    this.filters = filters;
    this.#portions.clear();
    this.#take(0, found);
  }

  // The session at a place; undefined for one that is not known. With `wanted` it is asked for.
  at(index, wanted = true) {
    const portion = Math.floor(index / PORTION);
    const known = this.#portions.get(portion);
    if (known) return known[index % PORTION];
    if (wanted && known === undefined) this.#fetch(portion);
    return undefined;
  }

  #fetch(portion) {
    const mine = this.#generation;
    this.#portions.set(portion, "");
    ask("/api/sessions", { ...this.filters, offset: portion * PORTION, count: PORTION }).then(
      (found) => mine === this.#generation && this.#take(portion, found),
      () => this.#portions.delete(portion),
    );
  }

  #take(portion, found) {
    this.#portions.delete(portion);
    this.#portions.set(portion, found.sessions);
    for (const oldest of this.#portions.keys()) {
      if (this.#portions.size <= PORTIONS_MAX) break;
      this.#portions.delete(oldest);
    }
    this.total = found.total;
    this.warnings = found.warnings;
    this.dispatchEvent(new Event("change"));
  }
}
