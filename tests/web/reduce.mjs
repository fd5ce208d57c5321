// Plays histories of frames, one a line, through the reducer of the pages; answers what it knew after each frame.
import { createInterface } from "node:readline";
import { isBehind, receive } from "../../static/js/core/seats.js";

for await (const line of createInterface({ input: process.stdin })) {
  let known = null;
  const told = JSON.parse(line).map((frame) => {
    const { known: after, resubscribe } = receive(known, frame);
    known = after;
    // What the pages ask a heartbeat beside the reducer, the Python client asks in it.
    const isMissing = frame.type === "heartbeat" ? isBehind(known, frame.revs["1"]) : resubscribe;
    const seats =
      known && Object.fromEntries([...known.seats].sort(([a], [b]) => (a < b ? -1 : 1)));
    return [known && [known.epoch, known.rev, seats], isMissing];
  });
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
