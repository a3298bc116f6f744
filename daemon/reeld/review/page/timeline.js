// <reeld-timeline>: what is when in a session, from days to frames. Click to go there, drag to select, turn the wheel to zoom.

import { about } from "./api.js";
import { draw, heightOf, LANE_PX, RULER_PX } from "./drawing.js";
import { because, element, lasting } from "./format.js";
import { moved, zoomed } from "./ruler.js";
import { Tiles } from "./tiles.js";

const DRAG_PX = 4;
const HOVER_PAUSE_MS = 60;
const COLOURS = ["ground", "text", "line", "picture", "sound", "wave", "gap", "voice", "mark", "still", "select", "head"];

export class Timeline extends HTMLElement {
  #drawing = 0;
  #pause = 0;
  #scheme = matchMedia("(prefers-color-scheme: dark)");

  open(session, manifest) {
    this.session = session;
    this.manifest = manifest;
    this.tiles = new Tiles(session, () => this.draw());
    this.markers = [];
    this.chapters = [];
    this.stills = [];
    this.pauses = [];
    this.voice = new Map();
    this.selection = null;
    this.position = 0;
    this.view = [0, Math.max(manifest.duration, 0.2)];
    this.canvas = element("canvas", { tabIndex: 0 });
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", "Timeline");
    this.canvas.setAttribute("aria-valuemin", "0");
    this.canvas.style.height = `${heightOf([...manifest.tracks.keys()])}px`;
    this.hover = element("figure", { class: "hover", hidden: true });
    this.replaceChildren(this.canvas, this.hover);
    this.#listen();
    this.#colour();
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("pointerleave", () => (this.hover.hidden = true));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#scheme.addEventListener("change", () => this.#colour());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  #colour() {
    const style = getComputedStyle(this);
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--timeline-${name}`).trim()]));
    this.draw();
  }

  // Where somebody speaks, by track.
  setVoice(spans) {
    this.voice = Map.groupBy(spans, (span) => span.track);
  }

  // The playhead; where it leaves the view while it plays, the view goes along.
  move(position, playing) {
    if (position === this.position) return;
    this.position = position;
    const [from, to] = this.view;
    if (playing && position > to && position < to + 1) this.view = moved(this.view, (to - from) * 0.9, this.manifest.duration);
    this.draw();
  }

  grow() {
    const whole = this.view[0] === 0 && this.view[1] >= (this.grownTo ?? this.manifest.duration) - 0.001;
    this.grownTo = this.manifest.duration;
    this.tiles.forgetFrom(this.manifest.duration - 10);
    if (whole) this.view = [0, Math.max(this.manifest.duration, 0.2)];
    this.draw();
  }

  zoom(factor, at = this.position) {
    this.view = zoomed(this.view, factor, Math.max(this.view[0], Math.min(at, this.view[1])), this.manifest.duration);
    this.draw();
  }

  pan(by) {
    this.view = moved(this.view, by, this.manifest.duration);
    this.draw();
  }

  select(from, to) {
    this.selection = to - from > 0.001 ? [Math.max(0, from), Math.min(to, this.manifest.duration)] : null;
    this.dispatchEvent(new Event("selected"));
    this.draw();
  }

  draw() {
    if (this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      if (this.isConnected && this.canvas.clientWidth) this.drawNow();
    });
  }

  // At once; `draw` does it with the next frame.
  drawNow() {
    const { view, position, selection, markers, chapters, stills, pauses, tiles, colours } = this;
    const tracks = this.lanes();
    draw(this.canvas, { view, position, selection, markers, chapters, stills, pauses, tiles, colours, tracks });
    this.canvas.setAttribute("aria-valuemax", this.manifest.duration.toFixed(1));
    this.canvas.setAttribute("aria-valuenow", position.toFixed(1));
    this.canvas.setAttribute("aria-valuetext", lasting(position, 1));
  }

  lanes() {
    return [...this.manifest.tracks.values()].map((track) => ({
      ...track,
      gaps: track.lost.length ? [...track.gaps, ...track.lost.map(damaged)] : track.gaps,
      voice: this.voice.get(track.id),
    }));
  }

  #timeAt(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - left) / width));
    return this.view[0] + share * (this.view[1] - this.view[0]);
  }

  #press(event) {
    if (event.button !== 0) return;
    const from = this.#timeAt(event);
    const startX = event.clientX;
    let dragged = false;
    this.canvas.setPointerCapture(event.pointerId);
    const move = (moving) => {
      dragged ||= Math.abs(moving.clientX - startX) > DRAG_PX;
      if (!dragged) return;
      const at = this.#timeAt(moving);
      this.select(Math.min(from, at), Math.max(from, at));
    };
    const lift = () => {
      this.canvas.removeEventListener("pointermove", move);
      if (dragged) return;
      this.select(0, 0);
      this.dispatchEvent(new CustomEvent("sought", { detail: from }));
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", lift, { once: true });
  }

  #wheel(event) {
    event.preventDefault();
    const perPixel = (this.view[1] - this.view[0]) / this.canvas.clientWidth;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan((event.deltaX || event.deltaY) * perPixel);
    else this.zoom(Math.exp(event.deltaY * 0.002), this.#timeAt(event));
  }

  // What is there: the time, a picture, and why there is nothing where there is nothing.
  #point(event) {
    const at = this.#timeAt(event);
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const lane = Math.floor((event.clientY - top - RULER_PX - 20) / LANE_PX);
    const tracks = this.lanes();
    const gaps = (tracks[lane] ? [tracks[lane]] : tracks).flatMap((track) => track.gaps);
    const gap = gaps.find((each) => at >= each.start_s && at < each.end_s);
    const words = [lasting(at, 1)];
    if (gap) words.push(`nothing here: ${because(gap.reason, gap.detail)}`);
    this.caption = element("figcaption", {}, words.join(" · "));
    this.hover.replaceChildren(this.caption);
    this.hover.hidden = false;
    this.hover.style.transform = `translate(${Math.max(0, Math.min(event.clientX - left - 90, width - 180))}px, 0)`;
    clearTimeout(this.#pause);
    if (!tracks.some((track) => track.kind === "video")) return;
    this.#pause = setTimeout(() => {
      const source = `${about(this.session, "thumbnails", `${Math.round(at * 1000)}.jpg`)}?width=180`;
      const picture = element("img", { alt: "", src: source });
      picture.addEventListener("load", () => this.hover.replaceChildren(picture, this.caption));
    }, HOVER_PAUSE_MS);
  }
}

const damaged = (hole) => ({ ...hole, reason: "damaged", detail: "" });

customElements.define("reeld-timeline", Timeline);
