// Reads a file as text.

import { Problem } from "../api.js";

const LARGEST = 256e6; // bytes; a string of a browser has a limit of about 500 million characters
const EXCEL = "an Excel workbook or a zip archive; save the sheet as “CSV UTF-8 (Comma delimited)”, or unpack the archive";
const FOREIGN = [
  ["\x1f\x8b", "packed with gzip; unpack it first"],
  ["BZh", "packed with bzip2; unpack it first"],
  ["\xfd7zXZ", "packed with xz; unpack it first"],
  ["\x28\xb5\x2f\xfd", "packed with zstd; unpack it first"],
  ["PK\x03\x04", EXCEL],
  ["\xd0\xcf\x11\xe0", EXCEL],
  ["PAR1", "a Parquet file; save the ratings as CSV"],
  ["SQLite format 3", "an SQLite database; export the table of ratings as CSV"],
  ["\xff\xfe", "UTF-16 text; save it as UTF-8"],
  ["\xfe\xff", "UTF-16 text; save it as UTF-8"],
];

// The text of a file, and a note if it is not UTF-8.
export async function textOf(file) {
  if (file.size > LARGEST) {
    throw new Problem("This file is too large for a browser", `It has ${Math.round(file.size / 1e6).toLocaleString("en")} MB; the page reads up to ${LARGEST / 1e6} MB. Use python -m training evaluate.`, 0);
  }
  return decoded(new Uint8Array(await file.arrayBuffer()));
}

// UTF-8, or Latin-1 (Windows-1252) if no letter beyond ASCII is UTF-8.
export function decoded(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const foreign = FOREIGN.find(([magic]) => head.startsWith(magic));
  if (foreign) throw new Problem("This is not a text file", `The file is ${foreign[1]}.`, 0);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), note: null };
  } catch {
    const text = new TextDecoder().decode(bytes);
    if (/[^\x00-\x7f\ufffd]/.test(text)) {
      const place = text.indexOf("\ufffd");
      throw new Problem("This file is not UTF-8", `Line ${text.slice(0, place).split("\n").length} has bytes that are not UTF-8. Save the file as UTF-8.`, 0);
    }
    return {
      text: new TextDecoder("windows-1252").decode(bytes),
      note: "The file is not UTF-8, and was read as Latin-1 (Windows-1252). If letters are wrong, save it as UTF-8.",
    };
  }
}
