// Pure parts of the timeline: which times get a tick, what is in sight, how a view is moved and zoomed.

const STEPS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 6 * 3600, 86400];
export const SPAN_MIN_S = 0.2;

// The smallest step whose ticks are at least `apart` pixels from each other.
export function stepOf(secondsPerPixel, apart = 90) {
  return STEPS.find((step) => step / secondsPerPixel >= apart) ?? STEPS.at(-1);
}

export function ticks(from, to, step) {
  const first = Math.ceil(from / step);
  const count = Math.max(0, Math.floor(to / step) - first + 1);
  return Array.from({ length: count }, (_, index) => (first + index) * step);
}

// The view [from, to] after zooming by `factor` around `at`, within [0, duration].
export function zoomed([from, to], factor, at, duration) {
  const whole = Math.max(duration, SPAN_MIN_S);
  const span = Math.min(whole, Math.max(SPAN_MIN_S, (to - from) * factor));
  const share = (at - from) / (to - from);
  return moved([at - share * span, at + (1 - share) * span], 0, duration);
}

export function moved([from, to], by, duration) {
  const span = to - from;
  const start = Math.max(0, Math.min(from + by, Math.max(duration, span) - span));
  return [start, start + span];
}

// Of items in order of their time: those in [from, to], thinned to one a pixel; `count` says how many one stands for.
export function inSight(items, timeOf, from, to, pixels) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(items[middle]) < from) low = middle + 1;
    else high = middle;
  }
  const shown = [];
  let last = -1;
  for (let index = low; index < items.length && timeOf(items[index]) <= to; index += 1) {
    const x = Math.round(((timeOf(items[index]) - from) / (to - from)) * pixels);
    if (x === last) shown.at(-1).count += 1;
    else shown.push({ x, item: items[index], count: 1 });
    last = x;
  }
  return shown;
}

// Of spans {start_s, end_s}: what of them is in [from, to], as pixels, those that touch made one.
export function spansInSight(spans, from, to, pixels) {
  const scale = pixels / (to - from);
  const shown = [];
  for (const span of spans) {
    if (span.end_s < from || span.start_s > to) continue;
    const x = Math.max(0, (span.start_s - from) * scale);
    const end = Math.min(pixels, Math.max((span.end_s - from) * scale, x + 1));
    const before = shown.at(-1);
    if (before && x - before.end < 0.5 && before.span.reason === span.reason) before.end = Math.max(before.end, end);
    else shown.push({ x, end, span });
  }
  return shown;
}
