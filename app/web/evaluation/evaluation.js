// Evaluates ratings: read here, predicted by the service in chunks, summed up here. Nothing is stored.

import { post } from "../api.js";
import { movies } from "../catalogue.js";
import { ROLES } from "./columns.js";
import { columnsForm } from "./columns_form.js";
import { group } from "../data_sets.js";
import { normalized, recognise, rowsOf } from "./delimited.js";
import { h, hint, reset, show } from "../dom.js";
import { judge, parseNotRated, written } from "./not_rated.js";
import { collect } from "./own_ratings.js";
import { conversion, named } from "./own_scale.js";
import { askAboutMarkers, askAboutRows, listOf, noteOnMarkers } from "./questions.js";
import { report } from "./report.js";
import { high, low } from "../scale.js";
import { Sums } from "./sums.js";
import { textOf } from "./text_file.js";
import { roleName } from "../words.js";

const CHUNK = 5000;
const WORST = 10;
const WAITING = "Nothing is evaluated yet.";
let latest = null;

// One file or text, its rows, and the settings that the visitor may change. `columns` shows the settings, `result`
// questions and errors.
export class Evaluation {
  constructor(columns, result) {
    this.columns = columns;
    this.result = result;
    this.modelScale = { low, high };
    this.scale = this.modelScale;
    this.notRatedText = "";
    latest = this;
  }

  // Reads a file or a text, and evaluates it if there is nothing to ask. Returns elements, as do the other methods that
  // take `progress`.
  async read(given, progress) {
    const { text, note } = typeof given === "string" ? { text: given, note: null } : await textOf(given);
    this.text = normalized(text);
    this.note = note;
    this.layOut();
    if (latest !== this) return [];
    this.showColumns(Boolean(this.layout.doubt));
    return this.layout.doubt ? [hint(WAITING)] : this.evaluate(progress);
  }

  // Finds rows and columns. `chosen` is what the visitor has said: {delimiter, header}.
  layOut(chosen = {}) {
    this.layout = recognise(this.text, chosen);
    this.rows = rowsOf(this.text, this.layout);
    this.places = Object.fromEntries(ROLES.filter((role) => role in this.layout.places).map((role) => [role, this.layout.places[role]]));
  }

  showColumns(open) {
    const form = columnsForm(this, {
      relayout: (chosen) => this.relayout(chosen),
      submit: (settings) => this.adopt(settings),
    });
    this.columns.replaceChildren(h("details", { className: "panel", open }, h("summary", {}, this.summary()), form));
    if (open) form.querySelector("h3").focus();
  }

  summary() {
    const { layout, places, scale, notRatedText } = this;
    const read = ROLES.filter((role) => role in places).map((role) => `${roleName(role)} = ${layout.names[places[role]]}`);
    return [`Columns: ${read.join(", ") || "unknown"}`, `scale ${named(scale)}`, notRatedText.trim() ? `not rated: ${notRatedText}` : null].filter(Boolean).join("; ");
  }

  relayout(chosen) {
    const focused = document.activeElement?.id;
    show(this.result, "Reading the lines", async () => {
      this.layOut(chosen);
      this.showColumns(true);
      document.getElementById(focused)?.focus();
      return [hint(WAITING)];
    });
  }

  // Evaluates again with other settings, some of {places, scale, notRatedText}.
  adopt(settings) {
    Object.assign(this, settings);
    this.showColumns(false);
    show(this.result, "Checking the rows", (progress) => this.evaluate(progress));
  }

  // `agreed`: the visitor has agreed that rows are left out.
  async evaluate(progress, agreed = false) {
    const notRated = parseNotRated(this.notRatedText);
    const found = collect(this.rows, { ...this, notRated });
    const verdict = judge(found.counts, this.scale, notRated);
    const answers = {
      adopt: (advice) => this.adopt({ scale: advice.scale, notRatedText: written(advice.notRated) }),
      goOn: () => show(this.result, "Checking the rows", (next) => this.evaluate(next, true)),
      cancel: () => { this.showColumns(true); reset(this.result, hint(WAITING)); },
    };
    const mayGoOn = agreed && found.rows.length;
    if (found.problems.length && !mayGoOn) return focused(askAboutRows(found, this.adviceOn(found, verdict, notRated), this.scale, answers));
    if (!found.rows.length) return [hint("No rating is left to evaluate.")];
    if (verdict.ask && !mayGoOn) return focused(askAboutMarkers(verdict, found.counts, this.scale, answers));
    const converted = conversion(this.scale, this.modelScale);
    const sums = await summedUp(found.rows, converted, progress);
    return [this.notesOn(found, verdict, converted, answers), ...report(sums, this.scale)].filter(Boolean);
  }

  // Settings that may be meant, if rows cannot be evaluated.
  adviceOn({ markers }, verdict, notRated) {
    if (!markers.length) return verdict.ask ? verdict.advice : [];
    return [{ scale: this.scale, notRated: [...(Array.isArray(notRated) ? notRated : []), ...markers] }];
  }

  notesOn(found, verdict, converted, answers) {
    const bad = found.problems.reduce((sum, { many }) => sum + many, 0);
    const notes = [
      this.note,
      found.notRated ? `${found.notRated.toLocaleString("en")} rows were left out: their rating means “not rated”.` : null,
      converted ? `The models predict ${named(this.modelScale)}. Their predictions are converted linearly to your scale, ${named(this.scale)}, and the errors are on your scale.` : null,
    ].filter(Boolean).map((note) => h("p", {}, note));
    if (!verdict.ask && verdict.suspected.length) notes.push(noteOnMarkers(verdict, found.counts, this.scale, answers));
    if (bad) notes.push(h("p", {}, `${bad.toLocaleString("en")} of ${found.total.toLocaleString("en")} rows were left out:`), listOf(found.problems));
    return notes.length ? h("div", { className: "card notes", role: "status" }, ...notes) : null;
  }
}

function focused(element) {
  requestAnimationFrame(() => element.querySelector("h3").focus());
  return [element];
}

async function summedUp(rows, converted, progress) {
  const [{ models: described }, { items }] = await Promise.all([group(), movies({ limit: 100000 })]);
  const sums = new Sums(rows, described, items, WORST, converted);
  let size = CHUNK;
  for (let start = 0; start < rows.length;) {
    progress(`Rating ${start.toLocaleString("en")} of ${rows.length.toLocaleString("en")} pairs …`);
    const chunk = rows.slice(start, start + size);
    try {
      const pairs = converted ? chunk.map((row) => ({ ...row, rating: converted.toModels(row.rating) })) : chunk;
      sums.add(chunk, await post("compare", { pairs, models: sums.names }));
    } catch (error) {
      // The service has a lower limit: retry with smaller chunks.
      if (error.status !== 413 || size < 2) throw error;
      size = Math.max(1, Math.min(Math.floor(size / 2), error.fields.code === "too_many_pairs" ? error.fields.limit : size));
      continue;
    }
    start += chunk.length;
  }
  return sums;
}
