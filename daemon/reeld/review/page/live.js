// What is being recorded at this moment, in the head of the page: state, time, frames and how many were dropped.

import { events } from "./events.js";
import { lasting } from "./format.js";

export function showLive(place) {
  let session = null;
  let stats = null;
  const show = (text) => {
    if (place.textContent !== text) place.textContent = text;
  };
  const draw = () => {
    place.dataset.state = session?.state ?? "idle";
    if (!session || ["completed", "partial", "interrupted", "error", "idle"].includes(session.state)) return show("");
    // Sounds have a device and a level; what is left are pictures.
    const pictures = (stats?.tracks ?? []).filter((track) => track.peak_db === null && !track.device);
    const frames = pictures.reduce((sum, track) => sum + track.frames, 0);
    const dropped = pictures.reduce((sum, track) => sum + track.dropped, 0);
    const rate = frames + dropped ? ((100 * dropped) / (frames + dropped)).toFixed(1) : "0.0";
    show(`${session.state} · ${lasting(session.elapsed_s)} · ${frames} frames · ${rate} % dropped`);
  };
  events.addEventListener("hello", ({ detail }) => {
    session = detail.status.session;
    stats = detail.stats ?? null;
    draw();
  });
  events.addEventListener("session", ({ detail }) => {
    if (!detail.state) return;
    session = detail;
    draw();
  });
  events.addEventListener("stats", ({ detail }) => {
    stats = detail.stats;
    session = stats.session ?? session;
    draw();
  });
  events.addEventListener("daemon", ({ detail }) => {
    if (detail.state !== "lost") return draw();
    place.dataset.state = "lost";
    show("The recorder does not answer. What is stored can still be watched.");
  });
  events.addEventListener("disconnected", () => {
    place.dataset.state = "lost";
    show("The review server does not answer. Run `reelctl review` again if it does not come back.");
  });
}
