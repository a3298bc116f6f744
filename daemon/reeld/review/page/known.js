// <reeld-known>: what enrichment found in a recording: chapters, summary, what was said; it follows the playhead.

import { about, ask } from "./api.js";
import { element, highlighted, lasting, wordsOf } from "./format.js";

const SHOWN = 200; // Lines of a transcript that are there at a time: a day of talk must not fill the page.

class Known extends HTMLElement {
  #session = "";
  #first = -1;
  #now = -1;

  // at: where somebody looks; what is not known yet is found there first.
  async open(session, at = 0) {
    this.#session = session;
    this.known = await ask(`${about(session, "knowledge")}?at=${at}`);
    if (session !== this.#session) return this.known;
    const { chapters, summary, written, said } = this.known;
    const nothing = !chapters.length && !summary.length && !written.length && !said.length;
    if (nothing) {
      this.replaceChildren(element("p", { class: "soft" }, `Nothing was read or listened to yet: reelctl enrich ${session}`));
      return this.known;
    }
    this.search = element("input", { type: "search", placeholder: "Find in this recording", ariaLabel: "Find in this recording" });
    this.search.addEventListener("change", () => this.#find(this.search.value));
    this.hits = element("ol", { class: "hits", ariaLabel: "Where it was found" });
    this.lines = element("ol", { class: "said", ariaLabel: "Transcript" });
    this.#first = this.#now = -1;
    this.replaceChildren(
      this.search,
      this.hits,
      ...this.#part("Chapters", chapters.map((each) => this.#line(each.start_s, each.title))),
      ...this.#part("In short", (written.length ? written : summary).map((each) => this.#line(each.at_s, each.text))),
      ...this.#part("Said", said.length ? [this.lines] : [], false),
      element("p", { class: "soft" }, this.#cost()),
    );
    this.follow(0);
    return this.known;
  }

  // The playhead is at `at`: the line that is being said is marked and in sight.
  follow(at) {
    const said = this.known?.said ?? [];
    if (!said.length || !this.lines) return;
    let place = said.findLastIndex((each) => each.start_s <= at);
    if (place < 0) place = 0;
    if (place === this.#now) return;
    this.#now = place;
    const first = Math.max(0, Math.min(place - SHOWN / 2, said.length - SHOWN));
    if (first !== this.#first && (place < this.#first + 10 || place >= this.#first + SHOWN - 10 || this.#first < 0)) this.#show(first);
    this.lines.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const row = this.lines.children[place - this.#first];
    if (!row) return;
    row.setAttribute("aria-current", "true");
    const { lines } = this;
    lines.scrollTop += row.getBoundingClientRect().top - lines.getBoundingClientRect().top - lines.clientHeight / 2;
  }

  #show(first) {
    this.#first = first;
    const rows = this.known.said.slice(first, first + SHOWN).map((each) => this.#line(each.start_s, each.text, each.track));
    this.lines.replaceChildren(...rows);
  }

  #part(title, rows, listed = true) {
    if (!rows.length) return [];
    return [element("h3", {}, title), listed ? element("ol", {}, ...rows) : rows[0]];
  }

  #line(at, text, who = "", words = []) {
    const jump = element("button", { type: "button" }, lasting(at, 1));
    jump.addEventListener("click", () => this.dispatchEvent(new CustomEvent("sought", { detail: at })));
    return element("li", {}, jump, " ", ...(who ? [element("span", { class: "soft" }, `${who}: `)] : []), ...highlighted(text, words));
  }

  async #find(text) {
    const session = this.#session;
    this.hits.replaceChildren();
    if (!text.trim()) return;
    try {
      const { hits } = await ask(about(session, "moments"), { text });
      if (session !== this.#session) return;
      const rows = hits.map((hit) => this.#line(hit.at_s, hit.text, hit.kind, wordsOf(text)));
      this.hits.replaceChildren(...(rows.length ? rows : [element("li", {}, "Nothing found.")]));
    } catch (error) {
      this.hits.replaceChildren(element("li", {}, error.message));
    }
  }

  #cost() {
    const { complete, seconds, cost } = this.known;
    const parts = [complete < 1 ? `${Math.round(100 * complete)} % of the sound was listened to` : "", seconds ? `${lasting(seconds)} of work` : ""];
    return [...parts, cost ? `cost ${cost.toFixed(4)}` : ""].filter(Boolean).join(", ");
  }
}

customElements.define("reeld-known", Known);
