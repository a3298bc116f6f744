// What is known of a session's media: pieces of each track, asked for by the stretch and kept around what is shown.

import { about, ask } from "./api.js";

const STRETCH_S = 60;
const PIECES_MAX = 6000;
const LATE_S = 6; // Tracks that are being recorded do not all end at the same time.

export class Manifest {
  constructor(session) {
    this.session = session;
    this.tracks = new Map();
    this.duration = 0;
    this.lasts = false;
    this.#forget();
  }

  #known; // [from, to] within which every piece is known
  #asking = null;

  #forget() {
    this.#known = null;
    for (const track of this.tracks.values()) track.pieces = [];
  }

  // Know every piece of [from, to); what is far away may be forgotten.
  async cover(from, to) {
    while (this.#asking) await this.#asking.catch(() => {});
    const known = this.#known;
    if (known && from >= known[0] && Math.min(to, this.duration) <= known[1]) return;
    await this.#alone(this.#ask(from, to));
  }

  // Of a session that is being recorded: what has come since.
  async refresh() {
    while (this.#asking) await this.#asking.catch(() => {});
    if (this.#known) await this.#alone(this.#extend(this.#known[1] - LATE_S, this.#known[1] + STRETCH_S));
  }

  async #alone(asking) {
    this.#asking = asking;
    try {
      await asking;
    } finally {
      this.#asking = null;
    }
  }

  #ask(from, to) {
    const known = this.#known;
    const joins = known && from >= known[0] && from <= known[1] + STRETCH_S;
    const crowded = [...this.tracks.values()].some((track) => track.pieces.length > PIECES_MAX);
    if (joins && !crowded) return this.#extend(known[1] - LATE_S, Math.max(to, known[1] + STRETCH_S));
    this.#forget();
    return this.#extend(from, Math.max(to, from + STRETCH_S));
  }

  async #extend(from, to) {
    from = Math.max(0, from);
    const found = await ask(about(this.session, "manifest"), { from_s: from, to_s: to });
    this.duration = found.duration_s;
    this.lasts = found.lasts;
    let end = Math.min(to, found.duration_s);
    for (const track of found.tracks) {
      const kept = this.tracks.get(track.id) ?? { ...track, pieces: [], lost: [] };
      const last = kept.pieces.at(-1)?.start_s ?? -1;
      kept.pieces.push(...track.pieces.filter((piece) => piece.start_s > last));
      kept.gaps = track.gaps;
      kept.end_s = track.end_s;
      this.tracks.set(track.id, kept);
      if (track.more) end = Math.min(end, track.pieces.at(-1).start_s);
    }
    const [first, last] = this.#known ?? [from, 0];
    this.#known = [Math.min(first, from), Math.max(end, last)];
  }
}

// Index of the piece at which a decoder begins for what is shown at `at`; -1 before the first piece.
export function keyPlaceOf(pieces, at) {
  let place = placeOf(pieces, at);
  while (place > 0 && !pieces[place].key) place -= 1;
  return place;
}

// Index of the last piece that begins at or before `at`, -1 if none does.
export function placeOf(pieces, at) {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieces[middle].start_s <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
