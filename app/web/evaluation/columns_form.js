// The form that shows the first rows of a file, and asks which column is which, for the scale, and for ratings that mean
// "not rated".

import { ROLES } from "./columns.js";
import { DELIMITERS } from "./delimited.js";
import { h } from "../dom.js";
import { parseNumber } from "./numbers.js";
import { named } from "./own_scale.js";
import { capitalised, roleName } from "../words.js";

const PREVIEW = 5;
const LONGEST = 40;

// The form for `source` {layout, rows, places, scale, modelScale, notRatedText}. `relayout({delimiter, header})` is called
// when the visitor changes how the lines are read, and `submit({places, scale, notRatedText})` with complete settings.
export function columnsForm(source, { relayout, submit }) {
  const { layout } = source;
  const selects = layout.names.map((name, place) => roleSelect(name, place, source.places));
  selects.forEach((select) => select.addEventListener("change", () => {
    // Each role belongs to one column.
    for (const other of selects) if (other !== select && other.value === select.value) other.value = "";
  }));
  const delimiter = h("select", { id: "evaluate-delimiter", onchange: () => relayout({ delimiter: delimiter.value, header: header.checked }) },
    ...[...DELIMITERS].map(([value, label]) => h("option", { value, selected: value === layout.delimiter }, label)));
  if (!DELIMITERS.has(layout.delimiter)) delimiter.prepend(h("option", { value: layout.delimiter, selected: true }, layout.delimiter));
  const header = h("input", { type: "checkbox", id: "evaluate-header", checked: layout.header, onchange: () => relayout({ delimiter: delimiter.value, header: header.checked }) });
  const low = numberField("evaluate-low", source.scale.low);
  const high = numberField("evaluate-high", source.scale.high);
  const notRated = h("input", { id: "evaluate-not-rated", value: source.notRatedText, autocomplete: "off", spellcheck: false, placeholder: "99, NA" });
  notRated.setAttribute("aria-describedby", "evaluate-not-rated-note");
  const complaint = h("p", { className: "problem", role: "alert", hidden: true });
  const form = h("form", { className: "layout", noValidate: true, ariaLabel: "Columns and scale" },
    h("h3", { tabIndex: -1 }, "Which column is which?"),
    layout.doubt ? h("p", {}, `${layout.doubt} Check the columns of the first rows.`) : null,
    preview(source, selects),
    h("div", { className: "fields" },
      field("Columns are separated by", delimiter),
      field("Lowest rating", low), field("Highest rating", high), field("Not rated (optional)", notRated),
      h("label", { className: "check" }, header, " The first line is a header"),
      h("p", { className: "note", id: "evaluate-not-rated-note" }, `The models predict ${named(source.modelScale)}. “Not rated” is for values that are no ratings: numbers or words with commas between them, “empty” for a missing rating, or “none” if every value is a rating.`)),
    complaint,
    h("button", { type: "submit", className: "primary" }, "Evaluate with these columns"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const places = Object.fromEntries(selects.flatMap((select, place) => (select.value ? [[select.value, place]] : [])));
    const scale = { low: parseNumber(low.value), high: parseNumber(high.value) };
    const problem = problemOf(places, scale);
    complaint.hidden = !problem;
    complaint.textContent = problem ?? "";
    if (!problem) submit({ places, scale, notRatedText: notRated.value });
  });
  return form;
}

function problemOf(places, { low, high }) {
  const missing = ROLES.filter((role) => !(role in places));
  if (missing.length) return `Choose the column of ${missing.map((role) => `the ${roleName(role)}`).join(" and ")}.`;
  if (low === null || high === null || low >= high) return "The highest rating must be a larger number than the lowest rating.";
  return null;
}

function roleSelect(name, place, places) {
  const select = h("select", { ariaLabel: `Column ${place + 1}, ${name}` },
    h("option", { value: "" }, "Not used"), ...ROLES.map((role) => h("option", { value: role, selected: places[role] === place }, capitalised(roleName(role)))));
  return select;
}

function preview({ layout, rows }, selects) {
  const label = "First rows";
  return h("div", { className: "scroll preview", tabIndex: 0, role: "region", ariaLabel: label }, h("table", { ariaLabel: label },
    h("thead", {}, h("tr", {}, ...layout.names.map((name, place) => h("th", { scope: "col" }, h("span", {}, short(name)), selects[place])))),
    h("tbody", {}, ...rows.slice(0, PREVIEW).map(({ fields }) => h("tr", {}, ...layout.names.map((_, place) => h("td", {}, short(fields[place] ?? ""))))))));
}

function short(text) {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

function numberField(id, value) {
  return h("input", { id, type: "number", step: "any", value: String(value) });
}

function field(label, control) {
  return h("div", { className: "field" }, h("label", { htmlFor: control.id }, label), control);
}
