// Watches a page from before its first script: what was painted when, what moved, how long answers and frames took.
window.seen = { lcp: 0, cls: 0, inp: 0, frame: 0 };
const watch = (type, take, more = {}) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
    type,
    buffered: true,
    ...more,
  });
watch("largest-contentful-paint", ({ startTime }) => {
  window.seen.lcp = startTime;
});
watch("layout-shift", ({ value, hadRecentInput }) => {
  if (!hadRecentInput) window.seen.cls += value;
});
watch(
  "event",
  ({ interactionId, duration }) => {
    if (interactionId) window.seen.inp = Math.max(window.seen.inp, duration);
  },
  { durationThreshold: 16 },
);
let last = 0;
const next = (now) => {
  if (last) window.seen.frame = Math.max(window.seen.frame, now - last);
  last = now;
  requestAnimationFrame(next);
};
requestAnimationFrame(next);
