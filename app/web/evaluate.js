// The visitor's own ratings: read here, rated by the service in chunks, added up here. Nothing is kept.

import { get, models, post, Problem } from "./api.js";
import { bars } from "./charts.js";
import { downloadButton, parseRatings } from "./csv.js";
import { h, hint, reset, show, table } from "./dom.js";
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
  if (!result.childElementCount) reset(result, hint("One line a rating: user, movie, stars from 0 to 5. A header is fine, and so are the MovieLens files."));
}

function evaluate(read) {
  show(result, "Reading", async (progress) => {
    const { rows, left, count } = parseRatings(await read());
    if (!rows.length) {
      throw new Problem("No ratings found", left.length ? `Line ${left[0].line} ${left[0].why}.` : "There is nothing to read yet: choose a file, or paste some lines.", 0);
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
        // A service with a lower limit says so; smaller chunks pass.
        if (error.status !== 413 || size < 2) throw error;
        size = Math.max(1, Math.min(Math.floor(size / 2), error.fields.code === "too_many_pairs" ? error.fields.limit : size));
        continue;
      }
      start += chunk.length;
    }
    return report(sums, left, count);
  });
}

function report(sums, left, count) {
  const errors = sums.errors();
  const best = Math.min(...errors.map((one) => one.mse));
  const number = (value) => (value === null ? "–" : value.toFixed(4));
  const columns = [
    { label: "Model", value: (one) => one.name },
    { label: "MSE", value: (one) => number(one.mse), raw: (one) => one.mse, best: (one) => errors.length > 1 && one.mse === best },
    { label: "RMSE", value: (one) => number(one.rmse), raw: (one) => one.rmse },
    { label: "MAE", value: (one) => number(one.mae), raw: (one) => one.mae },
    { label: "MSE, both known", value: (one) => number(one.mse_warm), raw: (one) => one.mse_warm },
    { label: "Ratings", value: (one) => one.rows.toLocaleString("en"), raw: (one) => one.rows },
    { label: "of them cold", value: (one) => one.cold_rows.toLocaleString("en"), raw: (one) => one.cold_rows },
  ];
  return [
    count ? h("div", { className: "card", role: "status" },
      h("p", {}, `${count.toLocaleString("en")} ${count === 1 ? "line was" : "lines were"} left out:`),
      h("ul", {}, ...left.map(({ line, why }) => h("li", {}, `Line ${line} ${why}.`)))) : null,
    h("div", { className: "card" }, table(`Errors on your ${errors[0].rows.toLocaleString("en")} ratings`, columns, errors),
      downloadButton("Errors on your ratings", columns.map(({ label, raw, value }) => ({ label, value: raw ?? value })), errors)),
    h("div", { className: "charts" },
      groups("Error by popularity of the movie", "Movies by rank in training, the most rated first.", "Movies", sums.byBlock, sums),
      groups("Error by ratings of the user", "How many ratings of the user your file holds.", "User's ratings", sums.byUser, sums)),
    worst(sums),
  ].filter(Boolean);
}

function groups(title, note, first, group, sums) {
  const used = group.labels.map((_, place) => place).filter((place) => group.rows[place]);
  return bars({
    title, note, first, unit: "RMSE, stars", labels: used.map((place) => `${group.labels[place]} (${group.rows[place].toLocaleString("en")})`),
    format: (error) => Number(error).toFixed(3),
    series: sums.names.map((name) => ({ label: name, values: used.map((place) => Number(Math.sqrt(group.squares.get(name)[place] / group.rows[place]).toFixed(4))) })),
  });
}

function worst(sums) {
  const columns = [
    { label: "User", value: (miss) => miss.user_id },
    { label: "Movie", text: true, value: (miss) => miss.title },
    { label: "Given", value: (miss) => miss.rating },
    ...sums.names.map((name) => ({ label: name, value: (miss) => miss.ratings[name].toFixed(2) })),
    { label: "Missed by", value: (miss) => miss.off.toFixed(2) },
  ];
  return h("div", { className: "card" }, table("Worst misses, by the models' mean distance", columns, sums.worst), downloadButton("Worst misses", columns, sums.worst));
}
