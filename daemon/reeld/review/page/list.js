// <reeld-list>: the recordings. Only the rows in sight exist, so ten thousand scroll as ten do.

import { Card } from "./card.js";
import { events } from "./events.js";
import { element, wordsOf } from "./format.js";
import { Rows } from "./rows.js";

const ROW_PX = 84;
const SPARE = 4; // Rows above and below what is in sight.
const SEARCH_PAUSE_MS = 120;
const THUMBNAIL_PAUSE_MS = 120; // While somebody scrolls past, no picture is asked for.
const FLIGHT_PAUSE_MS = 40; // While all that is in sight changes with each frame, no rows are asked for either.
const STATES = ["completed", "active", "paused", "partial", "interrupted", "error"];

class List extends HTMLElement {
  #rows = new Rows();
  #shown = new Map();
  #words = [];
  #placedAt = 0;
  #selected = null;
  #chosen = 0;
  #drawing = 0;
  #resting = 0;
  #pause = 0;

  connectedCallback() {
    if (this.view) return;
    this.search = element("input", { id: "search", type: "search", placeholder: "Search names, notes, markers, screens and speech" });
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
    this.#words = wordsOf(filters.text ?? "");
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
    const { scrollTop, clientHeight } = this.view;
    const { total } = this.#rows;
    const flies = Math.abs(scrollTop - this.#placedAt) > clientHeight;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE);
    const last = Math.min(total, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE);
    const free = [];
    for (const [index, card] of this.#shown) {
      if (index >= first && index < last) continue;
      this.#shown.delete(index);
      free.push(card);
    }
    for (let index = first; index < last; index += 1) {
      const card = this.#shown.get(index) ?? free.pop() ?? new Card();
      card.put(index, total, index * ROW_PX);
      card.show(this.#rows.at(index, !flies), this.#words);
      this.#shown.set(index, card);
      if (!card.element.parentNode) this.space.append(card.element);
    }
    for (const card of free) card.element.remove();
    this.#placedAt = scrollTop;
    this.#choose(this.#chosen, false);
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => (flies ? this.#draw() : this.#picture()), flies ? FLIGHT_PAUSE_MS : THUMBNAIL_PAUSE_MS);
  }

  #picture() {
    for (const card of this.#shown.values()) card.picture();
  }

  #choose(index, scroll = true) {
    this.#chosen = Math.max(0, Math.min(index, this.#rows.total - 1));
    const selected = this.#shown.get(this.#chosen) ?? null;
    if (selected !== this.#selected) {
      if (this.#selected) this.#selected.element.ariaSelected = "false";
      if (selected) selected.element.ariaSelected = "true";
      this.#selected = selected;
    }
    if (selected) this.view.setAttribute("aria-activedescendant", `row-${this.#chosen}`);
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
