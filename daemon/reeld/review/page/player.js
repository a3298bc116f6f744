// <reeld-player>: the pictures of a session beside each other, its sounds, and what steers them.

import { because, element, lasting } from "./format.js";
import { Conductor } from "./conductor.js";
import { Feed } from "./feed.js";
import { Mixer } from "./mixer.js";
import { Whole } from "./whole.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const RESTING_MS = 150;
const EDGE_S = 3; // So far behind what is recorded it is watched live.

export class Player extends HTMLElement {
  #frame = 0;
  #resting = 0;
  #refreshing = 0;

  // playlists: the address of the session's master playlist. stills: its snapshots, if it has any.
  async open(manifest, at, playlists, stills = null) {
    this.manifest = manifest;
    await manifest.cover(Math.max(0, at), at + 20);
    const tracks = [...manifest.tracks.values()];
    const Kind = "MediaSource" in window || !Whole.plays() ? Feed : Whole;
    const playable = tracks.filter((track) => Kind.plays(track));
    this.feeds = playable.map((track) => new Kind(track, manifest, (text) => this.#say(text), playlists));
    this.mixer = new Mixer(this.feeds);
    this.conductor = new Conductor(manifest, this.feeds);
    this.conductor.latency = () => this.mixer.latency;
    this.stills = stills;
    this.#build(tracks.filter((track) => !playable.includes(track)));
    this.conductor.addEventListener("change", () => this.#draw());
    this.conductor.seek(at);
    if (manifest.lasts) this.#refreshing = setInterval(() => this.#refresh(), 1000);
    this.#draw();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#resting);
    clearInterval(this.#refreshing);
    this.conductor?.close();
    this.mixer?.close();
    this.replaceChildren();
  }

  get position() {
    return this.conductor.position;
  }

  async toggle() {
    if (this.conductor.playing) return this.conductor.pause();
    await this.mixer.start();
    this.conductor.play();
  }

  seek(at) {
    this.conductor.seek(at);
  }

  setSpeed(speed) {
    const nearest = SPEEDS.reduce((best, each) => (Math.abs(each - speed) < Math.abs(best - speed) ? each : best));
    this.speed.value = String(nearest);
    this.conductor.setSpeed(nearest);
  }

  changeSpeed(steps) {
    const index = SPEEDS.indexOf(this.conductor.speed) + steps;
    this.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, index))]);
  }

  goLive() {
    this.seek(Math.max(0, this.manifest.duration - EDGE_S));
    if (!this.conductor.playing) this.toggle();
  }

  #build(strange) {
    const pictures = this.feeds.filter((feed) => !feed.isSound);
    this.stage = element("div", { class: "stage" });
    this.veils = new Map();
    for (const feed of pictures) {
      const veil = element("p", { class: "veil", hidden: true });
      const name = feed.track.label || feed.track.id;
      feed.element.setAttribute("aria-label", `Picture of ${name}`);
      this.stage.append(element("figure", { dataset: { track: feed.track.id } }, feed.element, veil));
      this.veils.set(feed, veil);
    }
    if (!pictures.length && this.stills) {
      this.still = element("img", { alt: "Snapshot", class: "still" });
      this.stage.append(element("figure", {}, this.still));
    }
    if (!pictures.length && !this.still) this.stage.append(element("p", { class: "none" }, "This recording has no picture."));
    this.stage.append(...this.feeds.filter((feed) => feed.isSound).map((feed) => feed.element));
    this.news = element("p", { class: "news", role: "status" });
    if (strange.length) {
      const names = strange.map((track) => `${track.label || track.id} (${track.codec})`).join(", ");
      this.#say(`This browser cannot play ${names}. Export the recording and open the file in another player.`);
    }
    this.playing = element("button", { type: "button", class: "play", title: "Space" }, "Play");
    this.playing.addEventListener("click", () => this.toggle());
    this.clock = element("output", { class: "clock" });
    this.speed = element("select", {}, ...SPEEDS.map((each) => new Option(`${each} ×`, each, each === 1, each === 1)));
    this.speed.setAttribute("aria-label", "Speed");
    this.speed.addEventListener("change", () => this.conductor.setSpeed(Number(this.speed.value)));
    const skips = element("input", { type: "checkbox" });
    skips.addEventListener("change", () => (this.conductor.skipsGaps = skips.checked));
    this.live = element("button", { type: "button", class: "live", hidden: !this.manifest.lasts }, "Live");
    this.live.addEventListener("click", () => this.goLive());
    const full = element("button", { type: "button", title: "F" }, "Full screen");
    full.addEventListener("click", () => this.fullScreen());
    const bar = element("div", { class: "bar", role: "group", ariaLabel: "Playback" });
    bar.append(this.playing, this.clock, this.speed, element("label", {}, skips, " Skip gaps"), this.live, full);
    const sounds = element("div", { class: "sounds", role: "group", ariaLabel: "Sounds" }, ...this.mixer.controls());
    this.replaceChildren(this.stage, this.news, bar, sounds);
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.stage.requestFullscreen?.().catch(() => {});
  }

  async #refresh() {
    try {
      await this.manifest.refresh();
    } catch (error) {
      this.#say(error.message);
      return;
    }
    for (const feed of this.feeds) feed.grown();
    this.dispatchEvent(new Event("grown"));
    if (!this.manifest.lasts) {
      clearInterval(this.#refreshing);
      this.live.hidden = true;
      this.#say("The recording has ended.");
      this.dispatchEvent(new Event("ended"));
    }
  }

  // With every frame while it plays; else now and then, for what comes late.
  #draw() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#resting);
    this.#show();
    if (this.conductor.playing) this.#frame = requestAnimationFrame(() => this.#draw());
    else this.#resting = setTimeout(() => this.#draw(), RESTING_MS);
  }

  #say(text) {
    if (this.news) this.news.textContent = text;
  }

  #show() {
    const { position, playing, isWaiting } = this.conductor;
    const state = playing ? (isWaiting ? "Waiting" : "Pause") : "Play";
    if (this.playing.textContent !== state) this.playing.textContent = state;
    const clock = `${lasting(position, 2)} / ${lasting(this.manifest.duration)}`;
    if (this.clock.value !== clock) this.clock.value = clock;
    for (const [feed, veil] of this.veils) {
      const place = feed.placeAt(position);
      const gap = place.kind === "gap";
      const text = gap ? this.#reason(feed, place) : "";
      if (veil.textContent !== text) veil.textContent = text;
      if (veil.hidden === gap) veil.hidden = !gap;
    }
    if (this.still) this.#showStill(position);
    this.dispatchEvent(new Event("moved"));
  }

  #reason(feed, place) {
    if (place.reason === "undecodable") return "This browser cannot show this track. Export it and open it in another player.";
    return `Nothing here: ${because(place.reason, place.detail)}.`;
  }

  #showStill(position) {
    const shown = this.stills.at(position);
    if (shown && !this.still.src.endsWith(shown)) this.still.src = shown;
  }
}

customElements.define("reeld-player", Player);
