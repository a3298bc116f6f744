// The list of recordings and what is known of one. Names, tags and notes are text and never become markup.

const COUNT = 100;
const SEARCH_PAUSE_MS = 150;

const list = document.getElementById("sessions");
const detail = document.getElementById("detail");
const news = document.getElementById("news");
const search = document.getElementById("search");
let asked = 0;

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (response.status === 401) throw new Error("This page is no longer let in. Run `reelctl review` again.");
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body;
}

function element(name, text, about = {}) {
  const made = Object.assign(document.createElement(name), about);
  made.textContent = text;
  return made;
}

export function lasting(seconds) {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

export function sized(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

function entry(session) {
  const button = element("button", session.name || session.session, { type: "button" });
  const started = new Date(session.started_at).toLocaleString();
  button.append(element("small", [started, lasting(session.duration_s), sized(session.bytes), session.state].join(" · ")));
  button.addEventListener("click", () => show(session.session));
  button.dataset.session = session.session;
  const item = document.createElement("li");
  item.append(button);
  return item;
}

async function fill() {
  const mine = ++asked;
  try {
    const found = await ask(`/api/sessions?${new URLSearchParams({ count: COUNT, text: search.value })}`);
    if (mine !== asked) return; // a later question was answered first
    list.replaceChildren(...found.sessions.map(entry));
    const none = search.value ? "Nothing matches." : "Nothing was recorded yet.";
    news.textContent = found.warnings.join(" ") || (found.sessions.length ? "" : none);
  } catch (error) {
    if (mine === asked) news.textContent = error.message;
  }
}

async function show(id) {
  try {
    const { session, play_url } = await ask(`/api/sessions/${encodeURIComponent(id)}`);
    for (const button of list.querySelectorAll("button")) button.ariaCurrent = String(button.dataset.session === id);
    const rows = {
      Session: session.session,
      Tags: session.tags.join(", ") || "none",
      Note: session.note || "none",
      Tracks: session.tracks.map((track) => `${track.label || track.id} (${track.codec})`).join(", ") || "none",
      Markers: session.markers.map((marker) => `${lasting(marker.at_s)} ${marker.text}`).join("; ") || "none",
      "For mpv, VLC or ffmpeg": new URL(play_url, location.href).href,
    };
    const facts = document.createElement("dl");
    for (const [name, value] of Object.entries(rows)) facts.append(element("dt", name), element("dd", value));
    detail.replaceChildren(element("h2", session.name || session.session), facts);
    detail.hidden = false;
    history.replaceState(null, "", `/?${new URLSearchParams({ session: id })}`);
  } catch (error) {
    news.textContent = error.message;
  }
}

let pause;
search.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(fill, SEARCH_PAUSE_MS);
});
await fill();
const wanted = new URLSearchParams(location.search).get("session");
if (wanted) await show(wanted);
