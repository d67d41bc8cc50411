// Asks before only a part of the ratings is evaluated, and what suspicious ratings mean.

import { h } from "../dom.js";
import { shown } from "./numbers.js";
import { isSame, named } from "./own_scale.js";

const count = (many, noun) => `${many.toLocaleString("en")} ${noun}${many === 1 ? "" : "s"}`;

// Asks about the rows of `found` that are not ratings. `advice` is a list of settings {scale, notRated} that may be meant.
export function askAboutRows(found, advice, scale, { adopt, goOn, cancel }) {
  const bad = found.problems.reduce((sum, { many }) => sum + many, 0);
  const [only, ...others] = found.problems;
  const reason = others.length ? "cannot be evaluated" : `cannot be evaluated: ${only.reason}`;
  const rest = found.rows.length;
  return question(`${bad.toLocaleString("en")} of ${count(found.total, "row")} ${reason}`, [
    listOf(found.problems),
    rest ? null : h("p", {}, "No other row is left."),
  ], [
    ...advice.map((one) => button(labelOf(one, scale), "secondary", () => adopt(one))),
    rest ? button(`Evaluate the other ${rest.toLocaleString("en")}`, "secondary", goOn) : null,
    button("Cancel", "secondary", cancel),
  ]);
}

// Asks what ratings mean that are on the scale, but far from the others.
export function askAboutMarkers({ suspected, advice }, counts, scale, { adopt, cancel }) {
  return question(`${portrait(suspected, counts)}, far from the others. Does that mean “not rated”?`, [],
    [...advice.map((one) => button(labelOf(one, scale), "secondary", () => adopt(one))), button("Cancel", "secondary", cancel)]);
}

// States ratings that the default scale has, but that many programs write for "not rated".
export function noteOnMarkers({ suspected, advice }, counts, scale, { adopt }) {
  return h("p", {}, `${portrait(suspected, counts)}, and may mean “not rated”. `, button(labelOf(advice[0], scale), "secondary small", () => adopt(advice[0])));
}

// The rows that were left out, with the first lines of each reason.
export function listOf(problems) {
  return h("ul", {}, ...problems.map(({ reason, many, examples }) => h("li", {},
    `${count(many, "row")}: ${reason} (${examples.map(({ line, value }) => `line ${line}${value ? `: ${shown(value, 40)}` : ""}`).join(", ")}${many > examples.length ? ", …" : ""}).`)));
}

// `99 stands in 18 of 360 rows`.
function portrait(values, counts) {
  const rows = values.reduce((sum, value) => sum + counts.get(value), 0);
  const total = [...counts.values()].reduce((sum, many) => sum + many, 0);
  return `${values.join(" and ")} ${values.length === 1 ? "stands" : "stand"} in ${rows.toLocaleString("en")} of ${count(total, "row")}`;
}

// What a button says that adopts the settings.
function labelOf({ scale, notRated }, before) {
  const parts = [];
  if (!isSame(scale, before)) parts.push(`use the scale ${named(scale)}`);
  if (notRated === "none") parts.push("count every value as a rating");
  else if (notRated?.length) parts.push(`leave out ${notRated.map((one) => (one === "" ? "missing ratings" : one)).join(", ")} as “not rated”`);
  const text = parts.join(", and ");
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

function question(title, content, buttons) {
  const heading = h("h3", { tabIndex: -1 }, title);
  return h("section", { className: "card question", ariaLabel: "Question" }, heading, ...content.filter(Boolean), h("p", { className: "actions" }, ...buttons.filter(Boolean)));
}

function button(text, kind, onclick) {
  return h("button", { type: "button", className: kind, onclick }, text);
}
