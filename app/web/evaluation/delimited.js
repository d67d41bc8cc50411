// Splits delimited text into rows: the delimiter, the header, and the fields of each row.

import { Problem } from "../api.js";
import { isUsual, matchColumns, ROLES } from "./columns.js";
import { hasDecimalComma, parseNumber, shown } from "./numbers.js";
import { item, roleName } from "../words.js";

export const DELIMITERS = new Map([
  ["::", "::"], [",", "Commas"], [";", "Semicolons"], ["\t", "Tabs"], ["|", "Vertical bars"], [" ", "Blanks"], ["\t\t", "Pairs of tabs"],
]);
const GUESSED = ["::", ",", ";", "\t", "|", " "];
const QUOTED = new Set([",", ";", "\t", "|"]);
const DELIMITER_LINE = /^"?sep=(.)"?$/;

// The lines of a text, without a byte order mark, and with one kind of line end.
export function normalized(text) {
  const plain = text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
  if (!plain.trim()) throw new Problem("No ratings found", "The input is empty: choose a file, or paste some lines.", 0);
  const binary = plain.indexOf("\0");
  if (binary >= 0) throw new Problem("This is not a text file", `Line ${lineAt(plain, binary)} has a NUL character. Save the ratings as CSV in UTF-8.`, 0);
  if (/^\s*(\{\s*["'}]|\[\s*\{)/.test(plain)) throw new Problem("This is JSON", `The page reads lines of text with columns, and line ${lineAt(plain, plain.search(/\S/))} is ${shown(plain.trim().split("\n")[0])}. The command line reads JSON: python -m training evaluate.`, 0);
  return plain;
}

const lineAt = (text, place) => text.slice(0, place).split("\n").length;

// How a text is laid out: {delimiter, quoted, skipped, header, names, places, doubt}. `places` has the column of each
// role that is known, `doubt` the reason to ask about them, or null. `chosen` may have a delimiter and a header.
export function recognise(text, chosen = {}) {
  const start = text.split("\n", 200);
  const sepLine = start.findIndex((line) => line.trim());
  const sep = DELIMITER_LINE.exec(start[sepLine]);
  const first = sep ? start.findIndex((line, place) => place > sepLine && line.trim()) : sepLine;
  if (first < 0) throw new Problem("No ratings found", "There is no row below the line that names the delimiter.", 0);
  const line = start[first];
  const delimiters = chosen.delimiter ? [chosen.delimiter] : sep ? [sep[1]] : GUESSED;
  const found = (chosen.header ? null : withoutHeader(line, delimiters, chosen)) ?? withHeader(line, delimiters, chosen);
  if (found.names.length < 2 && !chosen.delimiter) {
    throw new Problem("No columns found", `Line ${first + 1} is ${shown(line)}. Write the user, the ${item} and the rating on each line, with commas, semicolons or tabs between them.`, 0);
  }
  return { ...found, quoted: QUOTED.has(found.delimiter) && !isMovieLens100k(found), skipped: sep ? sepLine + 1 : 0 };
}

// The first line is a row: the user, the movie, a number, and perhaps a time.
function withoutHeader(line, delimiters, chosen) {
  for (const delimiter of chosen.delimiter ? delimiters : ["\t\t", ...delimiters]) {
    const fields = fieldsOf(line, delimiter).map((field) => field.trim());
    const isRow = fields.length >= 3 && fields.length <= 4 && fields.every(Boolean) && isRating(fields[2], delimiter);
    if (isRow) {
      const layout = { delimiter, header: false, names: numbered(fields), places: { user: 0, movie: 1, rating: 2 } };
      const known = fields.length === 4 && (delimiter === "::" || delimiter === "\t") && !("header" in chosen);
      return { ...layout, doubt: known ? null : "There is no header." };
    }
  }
  return null;
}

function withHeader(line, delimiters, chosen) {
  const options = delimiters.map((delimiter) => {
    const names = fieldsOf(line, delimiter).map((name) => name.trim());
    const { places, rivals } = names.length > 1 ? matchColumns(names) : { places: {}, rivals: {} };
    return { delimiter, names, places, rivals, missing: ROLES.filter((role) => !(role in places)) };
  });
  // Runs of blanks include tabs.
  const fitting = options.filter(({ missing, delimiter }, _, all) => !missing.length && (delimiter !== " " || !all.some((one) => one.delimiter !== " " && !one.missing.length)));
  const [best] = fitting.length ? fitting : options.toSorted((one, other) => one.missing.length - other.missing.length || other.names.length - one.names.length);
  const { delimiter, names, places } = best;
  const header = chosen.header ?? (best.missing.length < ROLES.length || !names.some((name) => isRating(name, delimiter)));
  return header
    ? { delimiter, header, names, places, doubt: doubtOf(best, fitting.length) }
    : { delimiter, header, names: numbered(names), places: {}, doubt: "There is no header." };
}

function doubtOf({ names, places, rivals, missing }, fitting) {
  if (fitting > 1) return "Several delimiters fit the header.";
  const [tied] = ROLES.filter((role) => role in rivals);
  if (tied) return `The columns ${rivals[tied].map((place) => shown(names[place])).join(" and ")} could both be the ${roleName(tied)}.`;
  if (missing.length) return `The header does not name ${missing.map((role) => `the ${roleName(role)}`).join(" or ")}.`;
  return ROLES.every((role) => isUsual(role, names[places[role]])) ? null : "The words of the header are not the usual ones.";
}

const isMovieLens100k = ({ delimiter, header, names }) => delimiter === "\t" && !header && names.length === 4;
const isRating = (field, delimiter) => parseNumber(field) !== null || (delimiter !== "," && hasDecimalComma(field));
const numbered = (fields) => fields.map((_, place) => `Column ${place + 1}`);

// The fields of one line, or none if its quotes do not fit the delimiter.
function fieldsOf(line, delimiter) {
  if (!QUOTED.has(delimiter) || !line.includes('"')) return split(line, delimiter);
  try {
    return quotedRows(line, delimiter, '"')[0].fields;
  } catch {
    return [];
  }
}

function split(line, delimiter) {
  return delimiter === " " ? line.trim().split(/[ \t]+/) : line.split(delimiter);
}

// The rows {line, fields} below the header. Blank lines are left out.
export function rowsOf(text, { delimiter, quoted, skipped, header }) {
  const rows = quoted && text.includes('"') ? anyQuotedRows(text, delimiter) : plainRows(text, delimiter);
  const below = skipped ? rows.filter(({ line }) => line > skipped) : rows;
  return header ? below.slice(1) : below;
}

function plainRows(text, delimiter) {
  const rows = [];
  text.split("\n").forEach((line, place) => { if (line.trim()) rows.push({ line: place + 1, fields: split(line, delimiter) }); });
  return rows;
}

// A quote inside a quoted field is doubled, or follows a backslash.
function anyQuotedRows(text, delimiter) {
  try {
    return quotedRows(text, delimiter, '"');
  } catch (error) {
    if (!text.includes('\\"')) throw error;
    return quotedRows(text, delimiter, "\\");
  }
}

function quotedRows(text, delimiter, escape) {
  const rows = [];
  let place = 0;
  let line = 1;
  while (place < text.length) {
    const fields = [];
    const first = line;
    for (;;) {
      const field = fieldAt(text, place, delimiter, escape, first);
      fields.push(field.text);
      line += field.lines;
      place = field.end;
      if (text[place] !== delimiter) break;
      place += 1;
    }
    if (fields.length > 1 || fields[0].trim()) rows.push({ line: first, fields });
    place += 1;
    line += 1;
  }
  return rows;
}

function fieldAt(text, start, delimiter, escape, line) {
  let place = start;
  while (text[place] === " ") place += 1;
  if (text[place] === '"') return quotedFieldAt(text, place, delimiter, escape, line);
  while (place < text.length && text[place] !== delimiter && text[place] !== "\n") place += 1;
  return { text: text.slice(start, place), end: place, lines: 0 };
}

function quotedFieldAt(text, start, delimiter, escape, line) {
  let place = start + 1;
  while (place < text.length && (text[place] !== '"' || text[place + 1] === '"')) {
    place += text[place] === '"' || (escape === "\\" && text[place] === "\\") ? 2 : 1;
  }
  const inside = text.slice(start + 1, place);
  let end = place + 1;
  while (text[end] === " ") end += 1;
  if (place >= text.length || (end < text.length && text[end] !== delimiter && text[end] !== "\n")) {
    throw new Problem("A quoted field is not closed", `On line ${line} a quoted field is not closed, or text follows its end: ${shown(text.slice(start, start + 60))}.`, 0);
  }
  const plain = inside.replaceAll('""', '"');
  return { text: escape === "\\" ? plain.replaceAll(/\\(["\\])/g, "$1") : plain, end, lines: inside.split("\n").length - 1 };
}
