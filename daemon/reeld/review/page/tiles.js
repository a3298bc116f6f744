// Loudest samples of a track, in tiles of 256 columns for each zoom, asked for when they come into sight.

import { about, ask } from "./api.js";

const COLUMNS = 256;
const TILES_MAX = 120;
const AT_ONCE = 2;

export class Tiles {
  #tiles = new Map();
  #waiting = [];
  #asking = 0;

  constructor(session, onNews) {
    this.session = session;
    this.onNews = onNews;
    this.isHeld = true; // Until the first picture is there: it comes first.
  }

  release() {
    if (!this.isHeld) return;
    this.isHeld = false;
    for (let asked = 0; asked < AT_ONCE; asked += 1) this.#ask();
  }

  // Seconds of a column at this zoom: a power of two, as fine as a pixel or finer.
  static columnOf(secondsPerPixel) {
    return 2 ** Math.floor(Math.log2(Math.max(secondsPerPixel, 1 / 512)));
  }

  // Columns of the tile that holds `at`: {from, column, peaks}, or null while it is asked for.
  at(track, at, column) {
    const index = Math.floor(at / (column * COLUMNS));
    const key = `${track} ${column} ${index}`;
    const known = this.#tiles.get(key);
    if (known) {
      this.#tiles.delete(key); // the last one used is the last to go
      this.#tiles.set(key, known);
      return known.peaks && known;
    }
    const tile = { from: index * column * COLUMNS, column, peaks: null };
    this.#tiles.set(key, tile);
    this.#waiting.push([key, track, tile]);
    if (this.#waiting.length > 40) this.#tiles.delete(this.#waiting.shift()[0]);
    this.#ask();
    return null;
  }

  // What was recorded meanwhile changes the last tiles.
  forgetFrom(at) {
    for (const [key, tile] of this.#tiles) if (tile.from + tile.column * COLUMNS > at) this.#tiles.delete(key);
  }

  async #ask() {
    if (this.isHeld || this.#asking >= AT_ONCE || !this.#waiting.length) return;
    this.#asking += 1;
    const [key, track, tile] = this.#waiting.pop(); // what was wanted last is in sight
    try {
      const range = { from_s: tile.from, to_s: tile.from + tile.column * COLUMNS, count: COLUMNS };
      tile.peaks = (await ask(about(this.session, "tracks", track, "peaks"), range)).peaks;
    } catch {
      tile.peaks = [];
    }
    this.#asking -= 1;
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= TILES_MAX) break;
      this.#tiles.delete(oldest);
    }
    if (this.#tiles.has(key)) this.onNews();
    this.#ask();
  }
}
