// Reads and writes CSV.

import { h } from "./dom.js";
import { high, low } from "./scale.js";

const SEPARATORS = ["::", "\t", ";", ","];
const MAX_REPORTED = 5;
const MAX_ID = 256; // characters; the service refuses a request with a longer id

// The rows {user_id, movie_id, rating} of a text, the first skipped lines [{line, reason}] and the number of skipped lines.
export function parseRatings(text) {
  const lines = text.split(/\r\n|\n|\r/);
  const rows = [];
  const skipped = [];
  let count = 0;
  let separator = null;
  let places = { user: 0, movie: 1, rating: 2 };
  lines.forEach((line, index) => {
    if (!line.trim()) return;
    if (separator === null) {
      separator = SEPARATORS.find((one) => line.split(one).length >= 3) ?? ",";
      const header = headerOf(split(line, separator));
      if (header) {
        places = header;
        return;
      }
    }
    const found = read(split(line.replace(/^\uFEFF/, ""), separator), places, separator);
    if (typeof found !== "string") rows.push(found);
    else {
      count += 1;
      if (skipped.length < MAX_REPORTED) skipped.push({ line: index + 1, reason: found });
    }
  });
  return { rows, skipped, count };
}

function split(line, separator) {
  if (!line.includes('"')) return line.split(separator).map((field) => field.trim());
  const fields = [];
  let field = "";
  let quoted = false;
  for (let place = 0; place < line.length; place += 1) {
    if (line[place] === '"') {
      if (quoted && line[place + 1] === '"') { field += '"'; place += 1; } else quoted = !quoted;
    } else if (!quoted && line.startsWith(separator, place)) {
      fields.push(field.trim());
      field = "";
      place += separator.length - 1;
    } else field += line[place];
  }
  return [...fields, field.trim()];
}

function headerOf(fields) {
  const names = fields.map((field) => field.replace(/^\uFEFF/, "").toLowerCase());
  const place = (...beginnings) => names.findIndex((name) => beginnings.some((one) => name.startsWith(one)));
  const found = { user: place("user"), movie: place("movie", "item", "film"), rating: place("rating", "star", "score") };
  return Object.values(found).every((one) => one >= 0) ? found : null;
}

function read(fields, places, separator) {
  const [user_id, movie_id, written] = [places.user, places.movie, places.rating].map((place) => fields[place] ?? "");
  if (!user_id || !movie_id || !written) return "the user, the movie or the rating is missing";
  if ([user_id, movie_id].some((id) => id.length > MAX_ID || /[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(id))) return "an id is too long or contains control characters";
  const number = separator === ";" ? written.replace(",", ".") : written;
  const rating = /^[-+]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number) ? Number(number) : NaN;
  if (!(rating >= low && rating <= high)) return `the rating ${written.slice(0, 20)} is not between ${low} and ${high}`;
  return { user_id, movie_id, rating };
}

// A button that downloads `rows` as CSV with `columns` [{label, value(row)}].
export function downloadButton(name, columns, rows) {
  return h("button", { type: "button", className: "secondary small", ariaLabel: `Download ${name} as CSV`, onclick: () => {
    const text = [columns.map((column) => column.label), ...rows.map((row) => columns.map((column) => column.value(row)))]
      .map((line) => line.map(field).join(",")).join("\r\n");
    const url = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv" }));
    h("a", { href: url, download: `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  } }, "Download CSV");
}

function field(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
