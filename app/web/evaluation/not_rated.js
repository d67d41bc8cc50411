// Recognises ratings that mean "not rated", and a scale that fits. The rule is that of the command line
// (`training/data/readers/scale.py`), and a test compares both.

import { Problem } from "../api.js";
import { parseNumber, shown } from "./numbers.js";
import { contains, isDefault } from "./own_scale.js";

const SHARE = 0.01;
const STEPS = 2;
const MOST_AT_AN_END = 3;
const FEWEST_ROWS = 3;
const FEWEST_OTHERS = 3;
const ENDS = [1, 2, 3, 5, 6, 7, 10, 20, 50, 100, 1_000, 10_000, 100_000, 1_000_000];
const LARGEST = ENDS.at(-1);

// What the visitor wrote: `99`, `-1, 99`, a word such as NA, `empty` for a missing rating; "none" if every value is a
// rating, and null if nothing is written.
export function parseNotRated(text) {
  const bare = text.trim();
  if (!bare) return null;
  if (bare === "none") return "none";
  const words = bare.match(/\s*("(?:[^"]|"")*"|[^,"]*)\s*(?:,|$)/gy)?.map((word) => word.replace(/,$/, "").trim()) ?? [];
  // The pattern also matches the empty end of the text.
  if (!bare.endsWith(",")) words.pop();
  if (!words.length || !words.every(Boolean)) {
    throw new Problem("Not rated", `Write the ratings that mean “not rated”, such as 99 or NA, with commas between them, and not ${shown(text)}.`, 0);
  }
  return words.map((word) => parseNumber(word) ?? (word === "empty" ? "" : word.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"')));
}

// How the visitor would write it.
export function written(notRated) {
  if (notRated === null || notRated === "none") return notRated ?? "";
  return notRated.map((one) => (one === "" ? "empty" : typeof one === "string" && /[",]|^none$/.test(one) ? `"${one.replaceAll('"', '""')}"` : String(one))).join(", ");
}

// What is suspected of the ratings `counts` (a Map from value to rows): {suspected, ask, advice}. `advice` is a list of
// settings {scale, notRated}, each of which answers the question; it is empty if the column is probably not the rating.
export function judge(counts, scale, notRated) {
  const values = [...counts.keys()].sort((one, other) => one - other);
  if (!values.every((value) => contains(scale, value))) return offTheScale(values, counts, scale, notRated);
  if (notRated !== null) return { suspected: [], ask: false, advice: [] };
  let distant = apart(values).filter((value) => isFrequent(value, counts) && counts.get(value) >= FEWEST_ROWS);
  if (values.length - distant.length < FEWEST_OTHERS) distant = [];
  const byDefault = isDefault(scale);
  const suspected = distant.length || !byDefault ? distant : isZeroBesideStars(values, counts) ? [0] : [];
  return {
    suspected,
    ask: Boolean(suspected.length) && !byDefault,
    advice: suspected.length ? [{ scale, notRated: suspected }, { scale, notRated: "none" }] : [],
  };
}

function offTheScale(values, counts, scale, notRated) {
  let markers = apart(values);
  const distant = new Set(markers);
  const core = values.filter((value) => !distant.has(value));
  const before = Array.isArray(notRated) ? notRated : [];
  if (!core.length || markers.length > 2 * MOST_AT_AN_END) return { suspected: [], ask: true, advice: [] };
  const beyond = core.filter((value) => !contains(scale, value));
  let wanted = scale;
  if (beyond.length && areMarkers(beyond, core, scale)) {
    markers = [...markers, ...beyond].sort((one, other) => one - other);
  } else if (beyond.length) {
    wanted = fittingScale(core);
    if (core[0] === 0 && wanted.high > 5 && core[1] >= 1 && isFrequent(0, counts)) {
      markers = [...markers, 0].sort((one, other) => one - other);
      wanted = fittingScale(core.slice(1));
    }
  }
  if (!markers.length) return { suspected: [], ask: true, advice: [{ scale: wanted, notRated }] };
  const advice = [{ scale: wanted, notRated: [...before, ...markers] }];
  if (values.every((value) => Math.abs(value) <= LARGEST)) advice.push({ scale: fittingScale(values), notRated: before.length ? before : "none" });
  return { suspected: markers, ask: true, advice };
}

// Ratings of 0 to 5 and of -1 have the scale 0 to 5. Ratings of 1 to 7 have the scale 1 to 7, unless another was chosen.
function areMarkers(beyond, core, scale) {
  return beyond.length <= MOST_AT_AN_END && core.length - beyond.length >= 2 && (!isDefault(scale) || beyond.at(-1) < 0);
}

// A usual scale that has all of the values, which ascend.
export function fittingScale(values) {
  const [lowest, highest] = [values[0], values.at(-1)];
  const end = ENDS.find((one) => Math.max(Math.abs(lowest), Math.abs(highest)) <= one);
  if (lowest < 0) return { low: -end, high: highest > 0 ? end : 0 };
  const high = Math.max(end, 5);
  return { low: lowest >= 1 && high <= 10 ? 1 : 0, high };
}

// The few values at an end that are at least two steps of the others away from them.
function apart(values) {
  let rest = values.filter((value) => Math.abs(value) <= LARGEST);
  const found = values.filter((value) => Math.abs(value) > LARGEST);
  for (const end of [1, -1]) {
    const ordered = end === 1 ? rest : rest.map((value) => -value).reverse();
    for (let many = 1; many <= MOST_AT_AN_END; many += 1) {
      const others = ordered.slice(0, -many);
      if (others.length <= many) break;
      // Not by the arguments of Math.max: there may be more values than a call can have.
      const widest = others.reduce((most, value, place) => (place ? Math.max(most, value - others[place - 1]) : 0), 0);
      if (ordered.at(-many) - others.at(-1) >= STEPS * widest) {
        found.push(...ordered.slice(-many).map((value) => end * value));
        rest = end === 1 ? others : others.map((value) => -value).reverse();
        break;
      }
    }
  }
  return found.sort((one, other) => one - other);
}

function isFrequent(value, counts) {
  return (counts.get(value) ?? 0) >= SHARE * totalOf(counts);
}

function isZeroBesideStars(values, counts) {
  return values.length > FEWEST_OTHERS && values[0] === 0 && values.every(Number.isInteger) && isFrequent(0, counts);
}

const totalOf = (counts) => [...counts.values()].reduce((sum, count) => sum + count, 0);
