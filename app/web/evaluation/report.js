// Shows the errors of the models on the visitor's ratings.

import { bars } from "../charts.js";
import { downloadButton } from "../csv.js";
import { h, table } from "../dom.js";
import { named } from "./own_scale.js";
import { capitalised, item, items, percent } from "../words.js";

// The elements that show `sums`, with errors on `scale`.
export function report(sums, scale) {
  return [
    h("div", { className: "card" }, ...errorsTable(sums.errors(), scale)),
    h("div", { className: "charts" },
      groups(`Error by popularity of the ${item}`, `${capitalised(items)} by popularity rank in the training data.`, capitalised(items), sums.byBlock, sums, scale),
      groups("Error by ratings of the user", "Users by number of ratings in your file.", "User's ratings", sums.byUser, sums, scale)),
    worst(sums),
  ];
}

function errorsTable(errors, { low, high }) {
  const best = Math.min(...errors.map((one) => one.mse));
  const number = (value) => (value === null ? "–" : value.toFixed(4));
  const many = errors[0].rows;
  const columns = [
    { label: "Model", value: (one) => one.name },
    { label: "MSE", value: (one) => number(one.mse), raw: (one) => one.mse, best: (one) => errors.length > 1 && one.mse === best },
    { label: "RMSE", value: (one) => number(one.rmse), raw: (one) => one.rmse },
    { label: "RMSE / width", value: (one) => number(one.rmse / (high - low)), raw: (one) => one.rmse / (high - low) },
    { label: "MAE", value: (one) => number(one.mae), raw: (one) => one.mae },
    { label: "MSE, warm pairs", value: (one) => number(one.mse_warm), raw: (one) => one.mse_warm },
    { label: "Ratings", value: (one) => one.rows.toLocaleString("en"), raw: (one) => one.rows },
    { label: "Cold ratings", value: (one) => `${one.cold_rows.toLocaleString("en")} (${percent(one.cold_rows / many)})`, raw: (one) => one.cold_rows },
  ];
  return [
    table(`Errors on your ${many.toLocaleString("en")} ${many === 1 ? "rating" : "ratings"}`, columns, errors),
    h("p", { className: "note" }, `The user or the ${item} of a cold rating has no training ratings, so that a mean is predicted. Warm pairs have both.`),
    downloadButton("Errors on your ratings", columns.map(({ label, raw, value }) => ({ label, value: raw ?? value })), errors),
  ];
}

function groups(title, note, first, group, sums, scale) {
  const used = group.labels.map((_, place) => place).filter((place) => group.rows[place]);
  return bars({
    title, note, first, unit: `RMSE, ratings from ${named(scale)}`, labels: used.map((place) => `${group.labels[place]} (${group.rows[place].toLocaleString("en")})`),
    format: (error) => Number(error).toFixed(3),
    series: sums.names.map((name) => ({ label: name, values: used.map((place) => Number(Math.sqrt(group.squares.get(name)[place] / group.rows[place]).toFixed(4))) })),
  });
}

function worst(sums) {
  const columns = [
    { label: "User", value: (miss) => miss.user_id },
    { label: capitalised(item), text: true, value: (miss) => miss.title },
    { label: "Your rating", value: (miss) => miss.rating },
    ...sums.names.map((name) => ({ label: name, value: (miss) => miss.ratings[name].toFixed(2) })),
    { label: "Mean error", value: (miss) => miss.error.toFixed(2) },
  ];
  return h("div", { className: "card" }, table("Largest errors, by mean absolute error over the models", columns, sums.worst), downloadButton("Largest errors", columns, sums.worst));
}
