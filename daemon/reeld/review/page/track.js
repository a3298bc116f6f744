// One track and its media element, however the element gets its media.

import { placeOf } from "./manifest.js";

const EDGE_S = 0.1; // Pictures that are decoded in another order may begin so much later than their piece.
const LEAD_IN_S = 0.01;

export class TrackElement {
  constructor(track, manifest, onNews) {
    this.track = track;
    this.manifest = manifest;
    this.onNews = onNews;
    this.element = document.createElement(track.kind);
    this.element.preload = "auto";
    this.element.playsInline = true;
    this.trouble = "";
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
    if (at >= end) return { kind: this.manifest.lasts ? "media" : "end" };
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

  // Put the element there. What a clip only decodes lies in its first milliseconds.
  show(at) {
    this.element.currentTime = Math.max(at, LEAD_IN_S);
  }

  close() {
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    this.element.remove();
  }
}
