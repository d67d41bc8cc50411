// Writes CSV.

import { h } from "./dom.js";

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
