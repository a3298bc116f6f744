// One track: its media element, filled through Media Source with the pieces around the playhead.
//
// What is in the buffer is one run of pieces without a hole in their order. A seek outside the run begins another where a
// decoder can begin, so no piece is ever put before one that is there already, which would take away what follows it.

import { bytes, Refused } from "./api.js";
import { placeOf } from "./manifest.js";

const AHEAD_S = 20;
const BEHIND_S = 15;
const TRIM_S = 10; // The buffer is trimmed by so much at a time.
const EDGE_S = 0.1; // Pictures that are decoded in another order may begin so much later than their piece.
const LASTING_S = 1e6;
const LEAD_IN_S = 0.01;

const settled = (target, good, bad) =>
  new Promise((resolve, reject) => {
    target.addEventListener(good, resolve, { once: true });
    if (bad) target.addEventListener(bad, () => reject(new Error(bad)), { once: true });
  });

export class Feed {
  #manifest;
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
    this.track = track;
    this.#manifest = manifest;
    this.onNews = onNews;
    this.element = document.createElement(track.kind);
    this.element.preload = "auto";
    this.element.playsInline = true;
    this.trouble = "";
    this.done = this.#work().catch((error) => this.#fail(error));
  }

  static plays(track) {
    return "MediaSource" in window && MediaSource.isTypeSupported(track.type);
  }

  get isSound() {
    return this.track.kind === "audio";
  }

  // What is at a time: {kind: "media" | "gap" | "end", reason, detail, until}.
  placeAt(at) {
    const { pieces, gaps, end_s: end, lost } = this.track;
    const index = placeOf(pieces, at);
    const piece = pieces[index];
    if (this.trouble) return { kind: "gap", reason: this.trouble, detail: "", until: Infinity };
    const hole = lost.find((each) => at >= each.start_s && at < each.end_s);
    if (hole) return { kind: "gap", reason: "damaged", detail: "", until: hole.end_s };
    if (piece && at < piece.end_s) return { kind: "media" };
    if (at >= end) return { kind: this.#manifest.lasts ? "media" : "end" };
    const gap = gaps.find((each) => at >= each.start_s - 0.001 && at < each.end_s);
    const until = gap?.end_s ?? pieces[index + 1]?.start_s;
    if (until === undefined) return { kind: "media" }; // not known yet
    return { kind: "gap", reason: gap?.reason ?? "absent", detail: gap?.detail ?? "", until };
  }

  // Whether what is shown at a time is in the buffer.
  isReady(at) {
    const { buffered, seeking, readyState } = this.element;
    if (seeking || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return false;
    for (let index = 0; index < buffered.length; index += 1) {
      if (at >= buffered.start(index) - EDGE_S && at < buffered.end(index) + EDGE_S) return true;
    }
    return false;
  }

  // Fill the buffer around a time. With `jump`, show it.
  want(at, jump = false) {
    this.#target = at;
    if (jump && !this.#holds(at)) this.#fetching.abort();
    if (jump && this.placeAt(at).kind === "media") this.show(at);
    this.#poke();
  }

  // Put the element there. What a clip only decodes lies in its first milliseconds.
  show(at) {
    this.element.currentTime = Math.max(at, LEAD_IN_S);
  }

  close() {
    this.#closed = true;
    this.#fetching.abort();
    this.#poke();
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    URL.revokeObjectURL(this.#url);
    this.element.remove();
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
    this.#source.duration = this.#manifest.lasts ? LASTING_S : this.#manifest.duration + 1;
    while (!this.#closed) {
      const poked = new Promise((resolve) => (this.#poke = resolve));
      this.#fetching = new AbortController();
      try {
        await this.#manifest.cover(this.#target, this.#target + AHEAD_S);
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
    let key = here;
    while (key > 0 && !pieces[key].key) key -= 1;
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
    let index = placeOf(pieces, this.#target - BEHIND_S);
    while (index > 0 && !pieces[index].key) index -= 1;
    const keep = pieces[index]?.start_s ?? 0;
    if (!this.#run || keep < this.#run.first + TRIM_S || keep > this.#run.last) return;
    await this.#change(() => this.#buffer.remove(0, keep));
    this.#run.first = keep;
  }

  // All that is wanted is there. At the end the decoder is told, so that it gives its last pictures.
  async #rest(poked) {
    const { pieces } = this.track;
    const whole = !this.#manifest.lasts && this.#run && this.#run.last >= (pieces.at(-1)?.start_s ?? 0);
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
