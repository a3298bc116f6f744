// <reeld-jobs>: exports of this page, how far they are, and where the file is.

import { send } from "./api.js";
import { events } from "./events.js";
import { element } from "./format.js";

const ENDED = ["completed", "failed", "cancelled"];

class Jobs extends HTMLElement {
  #rows = new Map();

  connectedCallback() {
    this.setAttribute("role", "status");
    events.addEventListener("job", ({ detail }) => this.#show(detail.job));
  }

  watch(job) {
    const bar = element("progress", { max: 1, value: 0 });
    const text = element("span", {}, "Export begins");
    const cancel = element("button", { type: "button" }, "Cancel");
    cancel.addEventListener("click", () => send(`/api/jobs/${encodeURIComponent(job.id)}/cancel`).catch((error) => (text.textContent = error.message)));
    const row = element("p", { class: "job", dataset: { job: job.id } }, bar, text, cancel);
    this.#rows.set(job.id, { row, bar, text, cancel });
    this.append(row);
    this.#show(job);
  }

  #show(job) {
    const shown = this.#rows.get(job.id);
    if (!shown) return;
    const { row, bar, text, cancel } = shown;
    if (job.progress != null) bar.value = job.progress;
    row.dataset.state = job.state;
    if (!ENDED.includes(job.state)) {
      text.textContent = `Export: ${Math.round(100 * (job.progress ?? 0))} %`;
      return;
    }
    this.#rows.delete(job.id);
    cancel.remove();
    if (job.state === "completed") bar.value = 1;
    const path = job.result?.path ?? job.path ?? "";
    text.textContent = job.state === "completed" ? `Written to ${path} ` : `Export ${job.state}: ${job.error?.message ?? job.error ?? ""}`;
    if (job.state !== "completed") return;
    const name = path.split("/").at(-1) || "recording.mp4";
    text.append(element("a", { href: `/api/exports/${encodeURIComponent(job.id)}/${encodeURIComponent(name)}`, download: name }, "Download"));
  }
}

customElements.define("reeld-jobs", Jobs);
