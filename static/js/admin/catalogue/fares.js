// What the legs of a bus cost, as a matrix: the sum of their segments, or a fare of the pair's own. Pure.

/** @typedef {{ stop: { id: string, name: string } }} Call */
/** @typedef {{ segments: number[], pairs: Record<string, number> }} Fares minor units; pairs by `keyOf` */
/** @typedef {{ from_stop: string, to_stop: string, price: { amount: number, currency: string }, segment?: number | null }} FareEntry */

/** @param {number} from @param {number} to places on the way */
export const keyOf = (from, to) => `${from}-${to}`;

/** Read what the API says; a stop that is called at twice counts where it is called at first.
 * @param {Call[]} calls @param {FareEntry[]} entries @returns {Fares} */
export function readFares(calls, entries) {
  const segments = Array.from({ length: calls.length - 1 }, () => 0);
  /** @type {Record<string, number>} */
  const pairs = {};
  for (const entry of entries) {
    if (typeof entry.segment === "number") segments[entry.segment] = entry.price.amount;
    else {
      const from = calls.findIndex(({ stop }) => stop.id === entry.from_stop);
      const to = calls.findIndex(({ stop }, at) => at > from && stop.id === entry.to_stop);
      if (from >= 0 && to > from) pairs[keyOf(from, to)] = entry.price.amount;
    }
  }
  return { segments, pairs };
}

/** Say them as the API takes them. A pair that costs what its segments do says nothing of its own.
 * @param {Call[]} calls @param {Fares} fares */
export function writeFares(calls, { segments, pairs }) {
  const fares = Object.entries(pairs).map(([key, price]) => {
    const [from, to] = key.split("-").map(Number);
    return { from_stop: calls[from].stop.id, to_stop: calls[to].stop.id, price };
  });
  return { segments, fares };
}

/** @param {Fares} fares @param {number} from @param {number} to */
export const sumOf = ({ segments }, from, to) =>
  segments.slice(from, to).reduce((sum, each) => sum + each, 0);

/** What a leg costs, and whether that is a fare of its own.
 * @param {Fares} fares @param {number} from @param {number} to */
export function legOf(fares, from, to) {
  const own = fares.pairs[keyOf(from, to)];
  return { amount: own ?? sumOf(fares, from, to), isOwn: own !== undefined };
}

/** Set what a leg costs: null takes its own fare away. A leg of one segment has none: it is the segment's.
 * @param {Fares} fares @param {number} from @param {number} to @param {number | null} amount @returns {Fares} */
export function setLeg(fares, from, to, amount) {
  if (to === from + 1)
    return amount === null ? fares : { ...fares, segments: fares.segments.with(from, amount) };
  const { [keyOf(from, to)]: _, ...others } = fares.pairs;
  return { ...fares, pairs: amount === null ? others : { ...others, [keyOf(from, to)]: amount } };
}

/** Share a fare of the whole way evenly, the rest with the first segments, as the server does.
 * @param {Fares} fares @param {number} total @returns {Fares} */
export function shareOut(fares, total) {
  const count = fares.segments.length;
  const [each, rest] = [Math.floor(total / count), total % count];
  return { ...fares, segments: fares.segments.map((_, at) => each + (at < rest ? 1 : 0)) };
}

/** Legs that cost more than a longer one that has them in it: whoever notices buys the longer one and gets off.
 * @param {Fares} fares @returns {[number, number][]} */
export function oddLegs(fares) {
  const stops = fares.segments.length + 1;
  /** @type {[number, number][]} */
  const found = [];
  for (let from = 0; from < stops - 1; from += 1)
    for (let to = from + 1; to < stops; to += 1) {
      const here = legOf(fares, from, to).amount;
      const isOdd =
        (to < stops - 1 && here > legOf(fares, from, to + 1).amount) ||
        (from > 0 && here > legOf(fares, from - 1, to).amount);
      if (isOdd) found.push([from, to]);
    }
  return found;
}
