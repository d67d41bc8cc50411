// Evaluates the visitor's ratings: parsed here, predicted by the service in chunks, summed up here. Nothing is stored.

import { get, models, post, Problem } from "./api.js";
import { bars } from "./charts.js";
import { downloadButton, parseRatings } from "./csv.js";
import { h, hint, reset, show, table } from "./dom.js";
import { high, low, range } from "./scale.js";
import { Sums } from "./sums.js";

const CHUNK = 5000;
const WORST = 10;
let result, file, text, drop;

export function start(root) {
  result = root.querySelector("[data-result]");
  file = root.querySelector("input[type=file]");
  text = root.querySelector("textarea");
  drop = root.querySelector("[data-drop]");
  root.querySelector("form").addEventListener("submit", () => evaluate(async () => (file.files[0] ? file.files[0].text() : text.value)));
  file.addEventListener("change", () => { if (file.files[0]) evaluate(() => file.files[0].text()); });
  text.addEventListener("input", () => { file.value = ""; });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", (event) => { if (!drop.contains(event.relatedTarget)) drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [given] = event.dataTransfer.files;
    if (given) evaluate(() => given.text());
  });
}

export function open() {
  if (!result.childElementCount) reset(result, hint(`One rating per line: user, movie, rating from ${range}. A header is optional; MovieLens files work unchanged.`));
}

function evaluate(read) {
  show(result, "Reading the file", async (progress) => {
    const { rows, skipped, count } = parseRatings(await read());
    if (!rows.length) {
      throw new Problem("No ratings found", skipped.length ? `Line ${skipped[0].line}: ${skipped[0].reason}.` : "The input is empty: choose a file, or paste some lines.", 0);
    }
    const [{ models: described }, { items: movies }] = await Promise.all([models(), get("movies", { limit: 100000 })]);
    const sums = new Sums(rows, described, movies, WORST);
    let size = CHUNK;
    for (let start = 0; start < rows.length;) {
      progress(`Rating ${start.toLocaleString("en")} of ${rows.length.toLocaleString("en")} pairs …`);
      const chunk = rows.slice(start, start + size);
      try {
        sums.add(chunk, await post("compare", { pairs: chunk }));
      } catch (error) {
        // The service has a lower limit: retry with smaller chunks.
        if (error.status !== 413 || size < 2) throw error;
        size = Math.max(1, Math.min(Math.floor(size / 2), error.fields.code === "too_many_pairs" ? error.fields.limit : size));
        continue;
      }
      start += chunk.length;
    }
    return report(sums, skipped, count);
  });
}

function report(sums, skipped, count) {
  const errors = sums.errors();
  const best = Math.min(...errors.map((one) => one.mse));
  const number = (value) => (value === null ? "–" : value.toFixed(4));
  const columns = [
    { label: "Model", value: (one) => one.name },
    { label: "MSE", value: (one) => number(one.mse), raw: (one) => one.mse, best: (one) => errors.length > 1 && one.mse === best },
    { label: "RMSE", value: (one) => number(one.rmse), raw: (one) => one.rmse },
    { label: "RMSE / width", value: (one) => number(one.rmse / (high - low)), raw: (one) => one.rmse / (high - low) },
    { label: "MAE", value: (one) => number(one.mae), raw: (one) => one.mae },
    { label: "MSE, warm pairs", value: (one) => number(one.mse_warm), raw: (one) => one.mse_warm },
    { label: "Ratings", value: (one) => one.rows.toLocaleString("en"), raw: (one) => one.rows },
    { label: "Cold ratings", value: (one) => one.cold_rows.toLocaleString("en"), raw: (one) => one.cold_rows },
  ];
  return [
    count ? h("div", { className: "card", role: "status" },
      h("p", {}, `${count.toLocaleString("en")} ${count === 1 ? "line was" : "lines were"} skipped:`),
      h("ul", {}, ...skipped.map(({ line, reason }) => h("li", {}, `Line ${line}: ${reason}.`)))) : null,
    h("div", { className: "card" }, table(`Errors on your ${errors[0].rows.toLocaleString("en")} ratings`, columns, errors),
      downloadButton("Errors on your ratings", columns.map(({ label, raw, value }) => ({ label, value: raw ?? value })), errors)),
    h("div", { className: "charts" },
      groups("Error by popularity of the movie", "Movies by popularity rank in the training data.", "Movies", sums.byBlock, sums),
      groups("Error by ratings of the user", "Users by number of ratings in your file.", "User's ratings", sums.byUser, sums)),
    worst(sums),
  ].filter(Boolean);
}

function groups(title, note, first, group, sums) {
  const used = group.labels.map((_, place) => place).filter((place) => group.rows[place]);
  return bars({
    title, note, first, unit: "RMSE", labels: used.map((place) => `${group.labels[place]} (${group.rows[place].toLocaleString("en")})`),
    format: (error) => Number(error).toFixed(3),
    series: sums.names.map((name) => ({ label: name, values: used.map((place) => Number(Math.sqrt(group.squares.get(name)[place] / group.rows[place]).toFixed(4))) })),
  });
}

function worst(sums) {
  const columns = [
    { label: "User", value: (miss) => miss.user_id },
    { label: "Movie", text: true, value: (miss) => miss.title },
    { label: "Your rating", value: (miss) => miss.rating },
    ...sums.names.map((name) => ({ label: name, value: (miss) => miss.ratings[name].toFixed(2) })),
    { label: "Mean error", value: (miss) => miss.error.toFixed(2) },
  ];
  return h("div", { className: "card" }, table("Largest errors, by mean absolute error over the models", columns, sums.worst), downloadButton("Largest errors", columns, sums.worst));
}
