// <reeld-list>: the recordings. Only the rows in sight exist, so ten thousand scroll as ten do.

import { about } from "./api.js";
import { events } from "./events.js";
import { element, highlighted, lasting, sized, wordsOf } from "./format.js";
import { Rows } from "./rows.js";

const ROW_PX = 84;
const SPARE = 4; // Rows above and below what is in sight.
const SEARCH_PAUSE_MS = 120;
const THUMBNAIL_PAUSE_MS = 120; // While somebody scrolls past, no picture is asked for.
const STATES = ["completed", "active", "paused", "partial", "interrupted", "error"];

class List extends HTMLElement {
  #rows = new Rows();
  #shown = new Map();
  #chosen = 0;
  #drawing = 0;
  #resting = 0;
  #pause = 0;

  connectedCallback() {
    if (this.view) return;
    this.search = element("input", { id: "search", type: "search", placeholder: "Search names, tags, notes and markers" });
    this.search.setAttribute("aria-label", "Search recordings");
    this.state = element("select", {}, new Option("All states", ""), ...STATES.map((state) => new Option(state, state)));
    this.state.setAttribute("aria-label", "State");
    this.tag = element("input", { type: "text", placeholder: "Tag", class: "tag" });
    this.tag.setAttribute("aria-label", "Tag");
    this.since = element("input", { type: "date", title: "From this day on" });
    this.since.setAttribute("aria-label", "From this day on");
    this.news = element("p", { id: "news", role: "status" });
    this.space = element("div", { class: "space" });
    this.view = element("div", { class: "view", id: "sessions", role: "listbox", tabIndex: 0, ariaLabel: "Recordings" }, this.space);
    this.append(element("form", { class: "filters", role: "search" }, this.search, this.state, this.tag, this.since), this.news, this.view);
    this.firstChild.addEventListener("submit", (event) => event.preventDefault());
    this.firstChild.addEventListener("input", () => this.#ask(SEARCH_PAUSE_MS));
    this.view.addEventListener("scroll", () => this.#draw(), { passive: true });
    this.view.addEventListener("keydown", (event) => this.#key(event));
    this.view.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#draw()).observe(this.view);
    this.#rows.addEventListener("change", () => this.#changed());
    events.addEventListener("session", () => this.hidden || this.#ask(SEARCH_PAUSE_MS));
    this.#ask(0);
  }

  refresh() {
    this.#ask(0);
  }

  #ask(pause) {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(async () => {
      const filters = { text: this.search.value.trim(), status: this.state.value, tag: this.tag.value.trim(), since: this.since.value };
      if (filters.text && filters.text !== this.#rows.filters.text) this.view.scrollTop = 0;
      try {
        await this.#rows.load(filters);
      } catch (error) {
        this.news.textContent = error.message;
      }
    }, pause);
  }

  #changed() {
    const { total, warnings, filters } = this.#rows;
    const none = Object.values(filters).some(Boolean) ? "Nothing matches." : "Nothing was recorded yet.";
    const count = total === 1 ? "1 recording" : `${total} recordings`;
    this.news.textContent = [...warnings, total ? count : none].join(" ");
    this.space.style.height = `${total * ROW_PX}px`;
    for (const row of this.#shown.values()) row.remove();
    this.#shown.clear();
    this.#chosen = Math.max(0, Math.min(this.#chosen, total - 1));
    this.#draw();
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#place();
    });
  }

  #place() {
    const first = Math.max(0, Math.floor(this.view.scrollTop / ROW_PX) - SPARE);
    const last = Math.min(this.#rows.total, Math.ceil((this.view.scrollTop + this.view.clientHeight) / ROW_PX) + SPARE);
    for (const [index, row] of this.#shown) {
      if (index >= first && index < last && !row.dataset.empty) continue;
      row.remove();
      this.#shown.delete(index);
    }
    for (let index = first; index < last; index += 1) {
      if (this.#shown.has(index)) continue;
      const row = this.#row(index, this.#rows.at(index));
      this.#shown.set(index, row);
      this.space.append(row);
    }
    this.#choose(this.#chosen, false);
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#picture(), THUMBNAIL_PAUSE_MS);
  }

  #row(index, session) {
    const row = element("div", { class: "row", role: "option", id: `row-${index}`, dataset: { index } });
    row.style.transform = `translateY(${index * ROW_PX}px)`;
    row.ariaSelected = "false";
    row.ariaPosInSet = String(index + 1);
    row.ariaSetSize = String(this.#rows.total);
    if (!session) {
      row.dataset.empty = "1";
      return row;
    }
    row.dataset.session = session.session;
    const words = wordsOf(this.#rows.filters.text ?? "");
    const title = element("strong", {}, ...highlighted(session.name || session.session, words));
    const facts = [new Date(session.started_at).toLocaleString(), lasting(session.duration_s), sized(session.bytes)];
    const state = element("span", { class: "state", dataset: { state: session.state } }, session.state);
    const about = element("small", {}, facts.join(" · "), " · ", state, session.pinned ? " · pinned" : "");
    const tags = session.tags.map((tag) => element("span", { class: "label" }, ...highlighted(tag, words)));
    const said = this.#hit(session, words);
    row.append(element("span", { class: "thumb" }), element("span", { class: "words" }, title, about, element("small", { class: "said" }, ...tags, ...said)));
    return row;
  }

  // Of note and markers what was found, else the note.
  #hit(session, words) {
    const texts = [session.note, ...session.marks];
    const found = texts.find((text) => words.some((word) => text.toLowerCase().includes(word))) ?? session.note;
    return highlighted(found.slice(0, 200), words);
  }

  #picture() {
    for (const row of this.#shown.values()) {
      const place = row.querySelector(".thumb");
      if (!place || place.firstChild) continue;
      const index = Number(row.dataset.index);
      const session = this.#rows.at(index);
      if (!session || !(session.has_video || session.has_snapshots)) continue;
      const middle = Math.round(session.duration_s * 500);
      const picture = element("img", { alt: "", src: `${about(session.session, "thumbnails", `${middle}.jpg`)}?width=160`, decoding: "async" });
      picture.addEventListener("error", () => picture.remove());
      place.append(picture);
    }
  }

  #choose(index, scroll = true) {
    this.#chosen = Math.max(0, Math.min(index, this.#rows.total - 1));
    for (const [place, row] of this.#shown) row.ariaSelected = String(place === this.#chosen);
    if (this.#shown.has(this.#chosen)) this.view.setAttribute("aria-activedescendant", `row-${this.#chosen}`);
    if (!scroll) return;
    const top = this.#chosen * ROW_PX;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    if (top + ROW_PX > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = top + ROW_PX - this.view.clientHeight;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.view.clientHeight / ROW_PX) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.#choose(this.#chosen + steps[event.key]);
    else if (event.key === "Enter") this.#open(this.#rows.at(this.#chosen));
    else return;
    event.preventDefault();
  }

  #click(event) {
    const row = event.target.closest(".row");
    if (!row?.dataset.session) return;
    this.#choose(Number(row.dataset.index), false);
    this.#open(this.#rows.at(this.#chosen));
  }

  #open(session) {
    if (session) this.dispatchEvent(new CustomEvent("chosen", { detail: session.session, bubbles: true }));
  }
}

customElements.define("reeld-list", List);
