// One track: its media element, filled through Media Source with the pieces around the playhead.
//
// What is in the buffer is one run of pieces without a hole in their order. A seek outside the run begins another where a
// decoder can begin, so no piece is ever put before one that is there already, which would take away what follows it.

import { bytes, Refused } from "./api.js";
import { keyPlaceOf, placeOf } from "./manifest.js";
import { TrackElement } from "./track.js";

const AHEAD_S = 20;
const BEHIND_S = 15;
const TRIM_S = 10; // The buffer is trimmed by so much at a time.
const LASTING_S = 1e6;

const settled = (target, good, bad) =>
  new Promise((resolve, reject) => {
    target.addEventListener(good, resolve, { once: true });
    if (bad) target.addEventListener(bad, () => reject(new Error(bad)), { once: true });
  });

export class Feed extends TrackElement {
  #buffer = null;
  #source = new MediaSource();
  #url = "";
  #init = "";
  #run = null; // {first, last}: starts of the pieces in the buffer
  #poke = () => {};
  #fetching = new AbortController();
  #closed = false;
  #target = 0;

  constructor(track, manifest, onNews) {
    super(track, manifest, onNews);
    this.done = this.#work().catch((error) => this.#fail(error));
  }

  static plays(track) {
    return "MediaSource" in window && MediaSource.isTypeSupported(track.type);
  }

  // Fill the buffer around a time. With `jump`, show it.
  want(at, jump = false) {
    if (at === this.#target && !jump) return; // it stands still, and has all it wants or is getting it
    this.#target = at;
    if (jump && !this.#holds(at)) this.#fetching.abort();
    if (jump && this.placeAt(at).kind === "media") this.show(at);
    this.#poke();
  }

  // What is recorded has grown.
  grown() {
    this.#poke();
  }

  close() {
    this.#closed = true;
    this.#fetching.abort();
    this.#poke();
    super.close();
    URL.revokeObjectURL(this.#url);
  }

  #holds(at) {
    const { pieces } = this.track;
    const piece = pieces[placeOf(pieces, at)];
    return Boolean(this.#run && piece && piece.start_s >= this.#run.first && piece.start_s <= this.#run.last);
  }

  async #work() {
    this.#url = URL.createObjectURL(this.#source);
    this.element.src = this.#url;
    await settled(this.#source, "sourceopen");
    this.#buffer = this.#source.addSourceBuffer(this.track.type);
    // What is longer than the recording hinders nobody; an endless one would be played as a broadcast.
    this.#source.duration = this.manifest.lasts ? LASTING_S : this.manifest.duration + 1;
    while (!this.#closed) {
      const poked = new Promise((resolve) => (this.#poke = resolve));
      this.#fetching = new AbortController();
      try {
        await this.manifest.cover(this.#target, this.#target + AHEAD_S);
        const { piece, anew = false } = this.#next(this.#target);
        if (piece) await this.#append(piece, anew);
        else await this.#rest(poked);
        await this.#trim();
      } catch (error) {
        if (error.name === "AbortError") continue;
        if (this.#closed) return;
        if (!(error instanceof Refused) || error.status === 401) throw error;
        this.onNews(error.message);
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  }

  // The next piece that the buffer lacks, and whether another run begins with it, since the one there does not lead to `at`.
  #next(at) {
    const { pieces } = this.track;
    if (!pieces.length) return { piece: null };
    const here = Math.max(0, placeOf(pieces, at));
    const key = Math.max(0, keyPlaceOf(pieces, at));
    const last = this.#run ? placeOf(pieces, this.#run.last) : -1;
    const leads = this.#run && pieces[here].start_s >= this.#run.first && last >= 0 && key <= last + 1;
    if (!leads) return { piece: pieces[key], anew: true };
    const next = pieces[last + 1];
    return { piece: next && next.start_s < at + AHEAD_S ? next : null };
  }

  async #append(piece, anew) {
    const { signal } = this.#fetching;
    try {
      const isInitNew = anew || piece.init !== this.#init;
      const [data, init] = await Promise.all([bytes(piece.url, signal), isInitNew && bytes(piece.init, signal)]);
      if (this.#closed) return;
      if (anew) {
        this.#run = null;
        await this.#change(() => this.#buffer.remove(0, Infinity));
      }
      if (init) await this.#change(() => this.#buffer.appendBuffer(init));
      this.#init = piece.init;
      await this.#change(() => this.#buffer.appendBuffer(data));
    } catch (error) {
      if (error.name === "QuotaExceededError") return this.#makeRoom();
      if (!(error instanceof Refused) || ![404, 410].includes(error.status)) throw error;
      this.#lose(piece);
      if (anew) this.#run = null;
    }
    this.#run = { first: this.#run?.first ?? piece.start_s, last: piece.start_s };
  }

  // A piece is gone or damaged: nothing is shown until the next one that can be decoded alone.
  #lose(piece) {
    const { track } = this;
    track.lost.push({
      start_s: piece.start_s,
      get end_s() {
        const { pieces, end_s: end } = track;
        return pieces.slice(placeOf(pieces, piece.start_s) + 1).find((each) => each.key)?.start_s ?? end;
      },
    });
  }

  async #makeRoom() {
    const from = this.#target + AHEAD_S / 2;
    await this.#change(() => this.#buffer.remove(from, Infinity));
    const { pieces } = this.track;
    this.#run.last = pieces[Math.max(0, placeOf(pieces, from) - 1)].start_s;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }

  async #trim() {
    const { pieces } = this.track;
    const keep = pieces[keyPlaceOf(pieces, this.#target - BEHIND_S)]?.start_s ?? 0;
    if (!this.#run || keep < this.#run.first + TRIM_S || keep > this.#run.last) return;
    await this.#change(() => this.#buffer.remove(0, keep));
    this.#run.first = keep;
  }

  // All that is wanted is there. At the end the decoder is told, so that it gives its last pictures.
  async #rest(poked) {
    const { pieces } = this.track;
    const whole = !this.manifest.lasts && this.#run && this.#run.last >= (pieces.at(-1)?.start_s ?? 0);
    if (whole && pieces.at(-1).end_s >= this.track.end_s - 0.5 && this.#source.readyState === "open") {
      this.#source.endOfStream();
    }
    await poked;
  }

  async #change(work) {
    const done = settled(this.#buffer, "updateend");
    const failed = settled(this.#buffer, "error");
    work();
    const outcome = await Promise.race([done.then(() => "done"), failed.then(() => "failed")]);
    if (outcome === "failed") throw new Error(this.element.error?.message || "the browser cannot decode this track");
  }

  #fail(error) {
    console.error(error);
    if (this.#closed) return;
    this.trouble = "undecodable";
    this.onNews(`${this.track.label || this.track.id}: ${error.message}`);
  }
}
