// Takes the ratings of the visitor from rows, and reports each row that is not a rating.

import { hasDecimalComma, parseNumber } from "./numbers.js";
import { contains, named } from "./own_scale.js";
import { item } from "../words.js";

const MAX_ID = 256; // characters; the service refuses a request with a longer id
const BREAKS_LINES = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;
// What programs write for a missing value.
const NOTHING = new Set(["nan", "NaN", "NAN", "None", "none", "NULL", "null", "Null", "NA", "N/A", "n/a", "<NA>", "NaT", "\\N"]);
const EXAMPLES = 3;
const MARKER_SHARE = 0.01;
const MARKER = /^[^\d\s,"']{0,20}$/;

// What `rows` [{line, fields}] hold: {rows, total, notRated, problems, counts, markers}.
//   rows       ratings {user_id, movie_id, rating}
//   notRated   number of rows left out because their rating means "not rated"
//   problems   rows that are not ratings, by reason: [{reason, many, examples: [{line, value}]}]
//   counts     number of rows by rating, also of ratings off the scale
//   markers    words in place of a rating that many rows have
export function collect(rows, { layout, places, scale, notRated }) {
  const width = layout.names.length;
  const commas = hasDecimalCommas(rows, layout, places.rating);
  const numberOf = numbers(commas);
  const isNotRated = notRatedTest(notRated, numberOf);
  const problems = new Problems();
  const counts = new Map();
  const unread = new Map();
  const found = [];
  let left = 0;
  for (const { line, fields } of rows) {
    if (fields.length !== width) {
      problems.add(`${width} columns are expected`, line, fields.length === 1 ? fields[0] : `${fields.length} columns`);
      continue;
    }
    const [user_id, movie_id, text] = [fields[places.user].trim(), fields[places.movie].trim(), fields[places.rating].trim()];
    if (isNotRated(text)) {
      left += 1;
      continue;
    }
    const rating = numberOf(text);
    if (rating === null) unread.set(text, (unread.get(text) ?? 0) + 1);
    else counts.set(rating, (counts.get(rating) ?? 0) + 1);
    const wrong = idProblem(user_id, "user") ?? idProblem(movie_id, item) ?? ratingProblem(text, rating, scale);
    if (wrong) problems.add(wrong[0], line, wrong[1]);
    else found.push({ line, user_id, movie_id, rating });
  }
  const kept = withoutRepeats(withoutTwofold(withoutTwofold(found, "user_id", problems), "movie_id", problems), problems);
  return {
    rows: kept.map(({ user_id, movie_id, rating }) => ({ user_id, movie_id, rating })),
    total: rows.length, notRated: left, problems: problems.list(), counts, markers: markersOf(unread, counts),
  };
}

// Rows that are not ratings, by reason.
class Problems {
  constructor() {
    this.found = new Map();
  }

  add(reason, line, value) {
    const one = this.found.get(reason) ?? { reason, many: 0, examples: [] };
    one.many += 1;
    if (one.examples.length < EXAMPLES) one.examples.push({ line, value });
    this.found.set(reason, one);
  }

  list() {
    return [...this.found.values()];
  }
}

function idProblem(id, what) {
  if (!id) return [`the ${what} id is missing`, ""];
  if (NOTHING.has(id)) return [`the ${what} id is a word for a missing value`, id];
  if (BREAKS_LINES.test(id)) return [`the ${what} id contains control characters`, id];
  if (id.length > MAX_ID && [...id].length > MAX_ID) return [`the ${what} id is longer than ${MAX_ID} characters`, id];
  return null;
}

function ratingProblem(text, rating, scale) {
  if (rating === null) return text ? ["the rating is not a number", text] : ["the rating is missing", ""];
  return contains(scale, rating) ? null : [`the rating is off the scale ${named(scale)}`, text];
}

// Reads the few different words of a column once.
function numbers(commas) {
  const known = new Map();
  return (text) => {
    let number = known.get(text);
    if (number === undefined) {
      number = parseNumber(commas ? text.replace(",", ".") : text);
      known.set(text, number);
    }
    return number;
  };
}

// Whether the column is written with decimal commas throughout.
function hasDecimalCommas(rows, { delimiter }, place) {
  if (delimiter === ",") return false;
  const texts = rows.map(({ fields }) => fields[place] ?? "");
  return texts.some((text) => hasDecimalComma(text.trim())) && !texts.some((text) => text.includes("."));
}

function notRatedTest(notRated, numberOf) {
  if (!Array.isArray(notRated)) return () => false;
  const meant = new Set(notRated);
  return (text) => meant.has(text) || (numberOf(text) !== null && meant.has(numberOf(text)));
}

// `1` and `1.0` are two ids that look like one.
function withoutTwofold(rows, role, problems) {
  if (!rows.some((row) => /^\d+\.0+$/.test(row[role]))) return rows;
  const ids = new Set(rows.map((row) => row[role]));
  return rows.filter((row) => {
    const twofold = /^\d+\.0+$/.test(row[role]) && ids.has(row[role].replace(/\.0+$/, ""));
    if (twofold) problems.add("the same number stands without decimals in other ids", row.line, row[role]);
    return !twofold;
  });
}

// The first rating of a user for a movie counts.
function withoutRepeats(rows, problems) {
  const seen = new Set();
  return rows.filter(({ line, user_id, movie_id }) => {
    const pair = `${user_id}\n${movie_id}`;
    if (seen.has(pair)) {
      problems.add(`the user has rated this ${item} before`, line, `${user_id}, ${movie_id}`);
      return false;
    }
    seen.add(pair);
    return true;
  });
}

// Words without digits that many rows have, beside numbers: `NA`, and an empty one.
function markersOf(unread, counts) {
  const total = [...unread.values(), ...counts.values()].reduce((sum, count) => sum + count, 0);
  return counts.size ? [...unread].filter(([word, many]) => many >= MARKER_SHARE * total && MARKER.test(word)).map(([word]) => word) : [];
}
