// <reeld-session>: one recording: its player, its timeline, what is known of it and what can be done with it.

import "./jobs.js";
import "./known.js";
import "./player.js";
import "./timeline.js";
import { Actions } from "./actions.js";
import { about, ask } from "./api.js";
import { events } from "./events.js";
import { facts } from "./dialog.js";
import { because, element, lasting, sized } from "./format.js";
import { Manifest } from "./manifest.js";
import { Stills } from "./stills.js";

class SessionView extends HTMLElement {
  #opening = 0;

  connectedCallback() {
    events.addEventListener("session", ({ detail }) => this.#hear(detail));
  }

  async open(id, at = 0) {
    const mine = ++this.#opening;
    this.#end();
    this.news = element("p", { class: "news", role: "status" }, "Opening…");
    this.replaceChildren(this.news);
    try {
      const manifest = new Manifest(id);
      const [{ session, play_url: playUrl }] = await Promise.all([ask(about(id)), manifest.cover(at, at + 20)]);
      if (mine !== this.#opening) return;
      this.info = session;
      this.playUrl = new URL(playUrl, location.href).href;
      this.manifest = manifest;
      const hasStills = session.tracks.some((track) => track.kind === "snapshot");
      const stills = hasStills ? await Stills.of(id) : null;
      if (mine !== this.#opening) return;
      this.#build();
      this.timeline.open(id, manifest);
      this.timeline.stills = stills?.list ?? [];
      await this.player.open(manifest, at, this.playUrl, stills);
      this.timeline.position = this.player.position;
      await this.#happenings();
      await this.#learn();
    } catch (error) {
      if (mine === this.#opening) this.say(error.message);
    }
  }

  close() {
    this.#opening += 1;
    this.#end();
    this.replaceChildren();
  }

  get position() {
    return this.player.position;
  }

  get selection() {
    return this.timeline.selection;
  }

  say(text) {
    this.news.textContent = text;
  }

  leave() {
    this.dispatchEvent(new Event("left"));
  }

  goTo(session) {
    this.dispatchEvent(new CustomEvent("goto", { detail: session }));
  }

  // After a change: what is said of the session; with `media`, what it holds, too.
  async reload(media = false) {
    if (media) return this.open(this.info.session, this.position);
    this.info = (await ask(about(this.info.session))).session;
    this.#describe();
    await this.#happenings();
  }

  // A marker that was just put, here or elsewhere.
  #hear(event) {
    if (event.type !== "session.marker" || event.session !== this.info?.session || !this.player) return;
    this.timeline.markers.push({ at_s: event.at_s, text: event.text });
    this.timeline.draw();
  }

  #end() {
    this.player?.close();
    this.player = null;
  }

  #build() {
    this.player = element("reeld-player");
    this.timeline = element("reeld-timeline");
    this.jobs = element("reeld-jobs");
    this.actions = new Actions(this);
    const back = element("button", { type: "button", class: "back", title: "Escape" }, "← Recordings");
    back.addEventListener("click", () => this.leave());
    this.heading = element("h2");
    const does = element("div", { class: "bar actions", role: "group", ariaLabel: "Do" });
    for (const [name, text, key] of this.actions.all) {
      const button = element("button", { type: "button", dataset: { action: name }, title: key }, text);
      button.addEventListener("click", () => this.actions.run(name));
      does.append(button);
    }
    this.chosen = element("span", { class: "chosen", role: "status" });
    this.about = element("section", { class: "about" });
    this.happened = element("section", { class: "happened" });
    this.known = element("reeld-known", { class: "known" });
    const head = element("div", { class: "head" }, back, this.heading);
    this.replaceChildren(head, this.player, this.timeline, does, this.chosen, this.jobs, this.news, this.known, this.about, this.happened);
    this.say("");
    this.#describe();
    this.player.addEventListener("moved", () => this.player.conductor.isSettled && this.timeline.tiles.release());
    this.player.addEventListener("moved", () => this.timeline.move(this.player.position, this.player.conductor.playing));
    this.player.addEventListener("moved", () => this.known.follow(this.player.position));
    this.known.addEventListener("sought", (event) => this.player.seek(event.detail));
    this.player.addEventListener("grown", () => this.timeline.grow());
    this.player.addEventListener("ended", () => this.reload());
    this.timeline.addEventListener("sought", (event) => this.player.seek(event.detail));
    this.timeline.addEventListener("selected", () => this.#showSelection());
  }

  #showSelection() {
    const chosen = this.selection;
    this.chosen.textContent = chosen ? `Selected: ${lasting(chosen[0], 1)} to ${lasting(chosen[1], 1)}` : "";
  }

  #describe() {
    const { info } = this;
    this.heading.textContent = info.name || info.session;
    document.title = `${info.name || info.session} · reeld`;
    this.about.replaceChildren(
      facts({
        Recorded: new Date(info.started_at).toLocaleString(),
        Length: lasting(info.duration_s),
        Size: sized(info.bytes),
        State: info.state,
        Tags: info.tags.join(", ") || "none",
        Note: info.note || "none",
        Tracks: info.tracks.map((track) => `${track.label || track.id} (${track.codec})`).join(", ") || "none",
        Session: info.session,
        "For mpv, VLC or ffmpeg": this.playUrl,
        ...(info.warnings.length && { Warnings: info.warnings.join(" ") }),
      }),
    );
  }

  // Markers, voices and gaps: on the timeline, and as a list for those who cannot see it.
  async #happenings() {
    const found = await ask(about(this.info.session, "timeline"));
    this.timeline.markers = found.markers;
    this.timeline.setVoice(found.voice);
    this.timeline.draw();
    // A pause is one of all tracks, and has no length where it is played.
    const pauses = new Map(found.gaps.filter(isPause).map((gap) => [gap.media_start_s, gap]));
    this.timeline.pauses = [...pauses.keys()];
    const rows = [
      ...found.markers.map((marker) => [marker.at_s, `Marker: ${marker.text}`]),
      ...[...pauses].map(([at, gap]) => [at, `Paused for ${lasting(gap.end_s - gap.start_s)}`]),
      ...found.gaps.filter((gap) => !isPause(gap)).map((gap) => [gap.media_start_s, this.#reason(gap)]),
    ].sort((one, other) => one[0] - other[0]);
    const items = rows.slice(0, 500).map(([at, text]) => {
      const jump = element("button", { type: "button" }, lasting(at, 1));
      jump.addEventListener("click", () => this.player.seek(at));
      return element("li", {}, jump, " ", text);
    });
    const title = rows.length ? `Markers and gaps (${rows.length})` : "No markers and no gaps";
    const whole = element("details", { open: rows.length > 0 && rows.length <= 12 }, element("summary", {}, title), element("ol", {}, ...items));
    this.happened.replaceChildren(whole);
  }

  // What enrichment found; its chapters are on the timeline, too.
  async #learn() {
    const found = await this.known.open(this.info.session, this.player.position);
    this.timeline.chapters = found.chapters;
    this.timeline.draw();
    this.known.follow(this.player.position);
  }

  #reason(gap) {
    const track = this.manifest.tracks.get(gap.track)?.label || gap.track;
    return `${track}: nothing until ${lasting(gap.media_end_s, 1)}, ${because(gap.reason, gap.detail)}`;
  }
}

const isPause = (gap) => gap.media_end_s - gap.media_start_s < 0.001;

customElements.define("reeld-session", SessionView);
