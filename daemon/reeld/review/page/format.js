// Numbers and names as people read them. Nothing here makes markup: names of sessions are hostile input.

export function lasting(seconds, digits = 0) {
  const scale = 10 ** digits;
  // Cut, not rounded, where there are digits: a clock does not show a moment that has not come.
  const steps = digits ? Math.floor(seconds * scale + 1e-6) : Math.round(seconds);
  const whole = Math.floor(steps / scale);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return digits ? `${text}.${String(steps % scale).padStart(digits, "0")}` : text;
}

export function sized(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

const REASONS = {
  paused: "the recording was paused",
  hidden: "hidden for privacy",
  "device-lost": "the device was lost",
  "worker-restart": "a part of the recorder was restarted",
  dropped: "the machine was too busy",
  asleep: "the computer slept",
  "disk-full": "the disk was full",
  forgotten: "forgotten on request",
  thinned: "thinned to save room",
  damaged: "what was stored is damaged or missing",
  absent: "this track had nothing to record",
  recycled: "older than the rolling buffer keeps",
};

export const because = (reason, detail = "") => (REASONS[reason] ?? reason) + (detail ? ` (${detail})` : "");

export function element(name, about = {}, ...children) {
  const { dataset, class: classes, ...rest } = about;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

// The words of a search, as the index takes them: quoted phrases whole, operators and wildcards aside.
export function wordsOf(query) {
  const found = query.match(/"[^"]+"|[^\s"]+/g) ?? [];
  return found.map((word) => word.replace(/"|\*$/g, "").toLowerCase()).filter((word) => word && !/^(and|or)$/.test(word));
}

// The text as nodes, what was searched for in `<mark>`.
export function highlighted(text, words) {
  const lower = text.toLowerCase();
  const nodes = [];
  let at = 0;
  // Where lower case has another length, places would be wrong: then nothing is marked.
  while (words.length && lower.length === text.length) {
    const hits = words.map((word) => [lower.indexOf(word, at), word]).filter(([place]) => place >= 0);
    if (!hits.length) break;
    const [place, word] = hits.reduce((best, hit) => (hit[0] < best[0] ? hit : best));
    nodes.push(text.slice(at, place), element("mark", {}, text.slice(place, place + word.length)));
    at = place + word.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}
