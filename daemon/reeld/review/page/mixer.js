// Each track of sound has its own volume and can be silenced. The sounds meet in one audio context, made at the first play:
// browsers allow none before somebody has clicked.

import { element } from "./format.js";

const MIX = "mix"; // The id of the track that is the sum of the others.

export class Mixer {
  #context = null;
  #gains = new Map();
  #levels = new Map();

  constructor(feeds) {
    this.feeds = feeds.filter((feed) => feed.isSound);
    // Where there is a mix, the tracks that it was made of would sound twice.
    const hasMix = this.feeds.some((feed) => feed.track.id === MIX);
    for (const feed of this.feeds) this.#levels.set(feed, { volume: 1, muted: hasMix && feed.track.id !== MIX });
  }

  // How much later than its time a sound is heard, in seconds.
  get latency() {
    return this.#context ? (this.#context.outputLatency || this.#context.baseLatency || 0) : 0;
  }

  async start() {
    if (!this.feeds.length) return;
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: "playback" });
      for (const feed of this.feeds) {
        const gain = this.#context.createGain();
        this.#context.createMediaElementSource(feed.element).connect(gain).connect(this.#context.destination);
        this.#gains.set(feed, gain);
        this.#apply(feed);
      }
    }
    await this.#context.resume();
  }

  set(feed, change) {
    Object.assign(this.#levels.get(feed), change);
    this.#apply(feed);
  }

  #apply(feed) {
    const { volume, muted } = this.#levels.get(feed);
    const gain = this.#gains.get(feed)?.gain;
    // Loudness as it is heard rises with about the square; in 10 ms, so that nothing clicks.
    gain?.setTargetAtTime(muted ? 0 : volume * volume, this.#context.currentTime, 0.01);
  }

  // One row of controls a track.
  controls() {
    return this.feeds.map((feed) => {
      const name = feed.track.label || feed.track.id;
      const { muted: begins } = this.#levels.get(feed);
      const mute = element("button", { type: "button", textContent: "Mute", ariaPressed: String(begins) });
      mute.setAttribute("aria-label", `Mute ${name}`);
      const volume = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1 });
      volume.setAttribute("aria-label", `Volume of ${name}`);
      mute.addEventListener("click", () => {
        const muted = mute.ariaPressed !== "true";
        mute.ariaPressed = String(muted);
        this.set(feed, { muted });
      });
      volume.addEventListener("input", () => this.set(feed, { volume: Number(volume.value) }));
      return element("div", { class: "sound", dataset: { track: feed.track.id } }, element("span", {}, name), mute, volume);
    });
  }

  async close() {
    await this.#context?.close();
    this.#context = null;
  }
}
