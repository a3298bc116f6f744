// One track as a whole, by its playlist, in browsers without Media Source that play HLS themselves.

import { TrackElement } from "./track.js";

export class Whole extends TrackElement {
  #covering = null;

  // playlists: the address below which each track's playlist is.
  constructor(track, manifest, onNews, playlists) {
    super(track, manifest, onNews);
    this.element.src = new URL(`${encodeURIComponent(track.id)}/playlist.m3u8`, playlists).href;
    this.element.addEventListener("error", () => {
      this.trouble = "undecodable";
      onNews(`${track.label || track.id}: ${this.element.error?.message || "the browser cannot play it"}`);
    });
  }

  static plays() {
    return document.createElement("video").canPlayType("application/vnd.apple.mpegurl") !== "";
  }

  grown() {} // the browser reads the playlist again by itself

  // Know what is there around a time. With `jump`, show it.
  want(at, jump = false) {
    this.#covering ??= this.manifest.cover(at, at + 20).catch((error) => this.onNews(error.message)).finally(() => (this.#covering = null));
    if (jump && this.placeAt(at).kind === "media") this.show(at);
  }
}
