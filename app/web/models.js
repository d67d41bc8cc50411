// The models with their sizes, errors and times. Models that were tested on different ratings are never compared.

import { get } from "./api.js";
import { inBlocks } from "./blocks.js";
import { bars, frontier, lengths, lines } from "./charts.js";
import { downloadButton } from "./csv.js";
import { groups } from "./data_sets.js";
import { bytes, h, modelName, show, table } from "./dom.js";
import { high, low } from "./scale.js";
import { capitalised, item, items, percent } from "./words.js";

let result;
let shown = false;

export function start(root) {
  result = root.querySelector("[data-result]");
}

export async function open() {
  if (shown) return;
  await show(result, "Loading the models", async () => {
    const [found, { models: timed }] = await Promise.all([groups(), get("compare")]);
    const times = new Map(timed.map((model) => [model.name, model]));
    shown = true;
    return found.flatMap(({ models, preferred }) => [...Map.groupBy(models, testOf).values()])
      .flatMap((described) => groupOf(described, found[0].preferred, times, found.length > 1));
  });
}

// What the errors of a model were measured on.
const testOf = ({ accuracy }) => [accuracy.dataset, accuracy.split, accuracy.test_rows, accuracy.global_mean_mse].join();

const microseconds = (time) => `${time.toFixed(time < 10 ? 1 : 0)} µs`;

function groupOf(unsorted, preferred, times, isOneOfMany) {
  const described = unsorted.toSorted((one, other) => one.accuracy.mse - other.accuracy.mse);
  const { accuracy } = described[0];
  return [
    isOneOfMany ? h("h3", { className: "data-set-name" }, accuracy.dataset) : null,
    h("p", { className: "sentence" }, summary(described, preferred)),
    h("div", { className: "cards" }, ...described.map((model) => cardOf(model, described, preferred, times))),
    h("div", { className: "charts bars" }, ...lengthsOf(described, preferred, times)),
    tableOf(described, preferred, times),
    partsOf(described, preferred),
    bytesOf(described, preferred),
    h("div", { className: "charts" }, ...chartsOf(described)),
  ].filter(Boolean);
}

function summary(described, preferred) {
  const { accuracy } = described[0];
  const tested = `on ${accuracy.test_rows.toLocaleString("en")} ratings of ${accuracy.dataset} that no model had seen (${accuracy.split} split)`;
  const beaten = described.filter((model) => model.accuracy.mse < accuracy.biases_only_mse).length;
  const trivial = described.length === 1 ? `${beaten ? "It predicts better" : "It predicts no better"} than the averages of users and ${items} alone.`
    : `${beaten === described.length ? "All of them predict" : beaten ? `${beaten} of ${described.length} predict` : "None of them predicts"} better than the averages of users and ${items} alone.`;
  const chosen = described.some((model) => model.name === preferred) ? ` The default is ${preferred}: it answers requests that name no model.` : "";
  return `${described.length === 1 ? "One model" : `${described.length} models`}, tested ${tested}. ${trivial}${chosen}`;
}

function cardOf(model, described, preferred, times) {
  const { mae, mse, biases_only_mse: biases } = model.accuracy;
  const ratio = model.memory.compression_ratio;
  const size = ratio && ratio > 1.05 ? `, ${ratio.toFixed(ratio < 10 ? 1 : 0)} times smaller than those of baseline` : "";
  const isBest = described.length > 1 && described.every((other) => other === model || other.accuracy.mae > mae);
  return h("section", { className: "card model", ariaLabel: model.name },
    h("h3", {}, ...modelName(model.name, preferred)),
    h("p", { className: "note" }, model.description),
    h("ul", {},
      h("li", {}, "A prediction is off by ", h("b", {}, mae.toFixed(2)), ` on average${isBest ? ", the least of all" : ""}.`),
      h("li", {}, "Its weights take ", h("b", {}, bytes(model.memory.weights_bytes)), `${size}.`),
      h("li", {}, "To rate one pair takes ", h("b", {}, microseconds(times.get(model.name).microseconds_single)), "."),
      mse < biases ? null : h("li", { className: "warning" }, "It predicts no better than averages: train it longer, or use another model.")));
}

function tableOf(described, preferred, times) {
  // Data sets without a model `baseline` have no ratios.
  const hasBaseline = described[0].memory.compression_ratio !== null;
  const { top, orders: first } = described[0].ranking ?? {};
  const orders = ["likely", "rating"].filter((order) => described.every((model) => model.ranking?.orders[order]));
  const orderName = (order) => `nDCG@${top}, ${order}`;
  const figure = (label, value, format = (number) => number, better = Math.min) => {
    const best = better(...described.map(value));
    return { label, value: (model) => format(value(model)), raw: value, best: (model) => value(model) === best && described.some((other) => value(other) !== best) };
  };
  const columns = [
    { label: "Model", value: (model) => h("span", {}, ...modelName(model.name, preferred)), raw: (model) => model.name },
    figure("MSE", (model) => model.accuracy.mse, (error) => error.toFixed(4)),
    figure("RMSE / width", (model) => model.accuracy.rmse / (high - low), (error) => error.toFixed(4)),
    figure("MAE", (model) => model.accuracy.mae, (error) => error.toFixed(4)),
    figure("Parameters", (model) => model.parameters.total, (count) => count.toLocaleString("en")),
    figure("Weights", (model) => model.memory.weights_bytes, bytes),
    ...orders.map((order) => figure(orderName(order), (model) => model.ranking.orders[order].ndcg, (gain) => gain.toFixed(3), Math.max)),
    hasBaseline ? figure("Smaller by", (model) => model.memory.compression_ratio, (ratio) => `${ratio.toFixed(1)} ×`, Math.max) : null,
    figure("One pair", (model) => times.get(model.name).microseconds_single, microseconds),
    figure("Per pair in a batch", (model) => times.get(model.name).microseconds_per_pair, (time) => `${time.toFixed(2)} µs`),
  ].filter(Boolean);
  const { accuracy } = described[0];
  const download = columns.map(({ label, raw, value }) => ({ label, value: raw ?? value }));
  const meanings = [
    ["MSE", "Mean squared error of the predictions on the test ratings: large errors count most. Less is better, as in every column where nothing else is said."],
    ["RMSE / width", `Square root of the MSE, as a share of the scale from ${low} to ${high}.`],
    ["MAE", "Mean absolute error: by how much a prediction is off on average."],
    ["Parameters", "Numbers that training found, before any packing."],
    ["Weights", "Bytes of these numbers."],
    orders.length ? [orders.map(orderName).join("; "), `How well the first ${top} ${items} for each user agree with those that the user rated highly in the test ratings, by order; 1 if they all come first. More is better. The order by popularity has ${first.popularity.ndcg.toFixed(3)}.`] : null,
    hasBaseline ? ["Smaller by", "How many times smaller the weights are than those of baseline. More is better."] : null,
    ["One pair, Per pair in a batch", "Time from ids to rating in this process, as a request for one pair or for thousands needs it, without HTTP; measured when the service started."],
  ];
  return h("div", { className: "card" },
    table(`All models on ${accuracy.dataset}, ${accuracy.test_rows.toLocaleString("en")} test ratings, ${accuracy.split} split`, columns, described),
    h("p", { className: "note" }, `For comparison: the global mean alone has an MSE of ${accuracy.global_mean_mse.toFixed(4)}, user and ${item} biases alone ${accuracy.biases_only_mse.toFixed(4)}.${accuracy.parts ? "" : ` ${coldShare(described[0])}.`} The best value of each column is green.`),
    downloadButton("Models", download, described),
    h("details", {}, h("summary", {}, "What the figures mean"), h("dl", { className: "names" }, ...meanings.filter(Boolean).flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]))));
}

const coldShare = ({ accuracy }) => `${percent(accuracy.cold_rows / accuracy.test_rows)} of the test ratings of ${accuracy.dataset} have a user or ${item} without training ratings`;

// Errors by which sides of a test rating have no training ratings, with those of two trivial models.
function partsOf(described, preferred) {
  const models = described.filter(({ accuracy }) => accuracy.parts);
  if (!described[0].accuracy.cold_rows || !models.length) return null;
  const { parts, test_rows: all } = models[0].accuracy;
  const errorOf = (model, { part }) => model.accuracy.parts.find((one) => one.part === part)?.mse;
  const rows = [...models.map((model) => ({ name: modelName(model.name, preferred), mse: (part) => errorOf(model, part) })),
    { name: ["Biases alone"], mse: (part) => part.biases_only_mse }, { name: ["Mean alone"], mse: (part) => part.global_mean_mse }];
  const columns = [{ label: "MSE", value: ({ name }) => h("span", {}, ...name) }, ...parts.map((part) => (
    { label: `${capitalised(part.part.replace("movie", item))} (${percent(part.rows / all)})`, value: ({ mse }) => mse(part)?.toFixed(4) ?? "–" }))];
  return h("div", { className: "card" }, table(coldShare(models[0]), columns, rows),
    h("p", { className: "note" }, `A model has learned nothing about a cold user or ${item}, and predicts a mean or an estimate. Expect the errors of these columns for new users and ${items}.`));
}

// The bytes of a model by their purpose, then those of its file and in memory.
const BYTES = Object.entries({ Weights: "weights", Ids: "vocabulary", Uncertainty: "uncertainty", Ranking: "ranking", Features: "features", Ratings: "ratings", File: "file", Resident: "resident" })
  .map(([label, name]) => ({ label, value: ({ memory }) => memory[`${name}_bytes`] }));

function bytesOf(described, preferred) {
  const shown = described.find((model) => model.name === preferred) ?? described[0];
  const stored = BYTES.slice(0, -2).reduce((sum, { value }) => sum + value(shown), 0);
  return h("div", { className: "card" },
    table(`Bytes by purpose: weights are ${percent(shown.memory.weights_bytes / stored)} of those of ${shown.name}`, [
      { label: "Model", value: (model) => h("span", {}, ...modelName(model.name, preferred)) },
      ...BYTES.filter(({ value }) => described.some(value)).map(({ label, value }) => ({ label, value: (model) => bytes(value(model)) }))], described),
    h("p", { className: "note" }, `If a model has them, uncertainty is for intervals, the ranking for the order of ${items} by how likely a user is to choose and like them, and features for ${items} without ratings. The file has weights and ids; resident is the memory of this process.`));
}

// Errors, bytes and times as bars.
function lengthsOf(described, preferred, times) {
  const least = (value) => (described.length > 1 ? Math.min(...described.map(value)) : null);
  const barsOf = (value, format) => described.map((model) => (
    { label: modelName(model.name, preferred), value: value(model), text: format(value(model)), best: value(model) === least(value) }));
  const column = (label, value) => ({ label, value });
  const name = column("Model", (model) => model.name);
  const { global_mean_mse: mean, biases_only_mse: biases } = described[0].accuracy;
  const mse = (model) => model.accuracy.mse;
  const weights = (model) => model.memory.weights_bytes;
  const single = (model) => times.get(model.name).microseconds_single;
  const best = Math.min(biases, ...described.map(mse));
  const worst = Math.max(mean, ...described.map(mse));
  return [
    lengths({
      title: "Error", note: `The axis runs from the error of the global mean alone, ${mean.toFixed(3)}, down to the lowest: the longer the bar, the more of the error a model removes.`,
      bars: barsOf(mse, (error) => `MSE ${error.toFixed(3)}`), zero: worst, end: best - (worst - best) * 0.03,
      lines: [{ label: `User and ${item} biases alone: MSE ${biases.toFixed(3)}`, value: biases }],
      columns: [name, column("MSE", mse), column("RMSE", (model) => model.accuracy.rmse), column("MAE", (model) => model.accuracy.mae)],
      rows: described,
    }),
    lengths({
      title: "Memory", note: "Bytes of the weights, from zero.", bars: barsOf(weights, bytes), end: Math.max(...described.map(weights)),
      columns: [name, ...BYTES], rows: described,
    }),
    lengths({
      title: "Scoring time", note: "From the ids of one pair to its rating, without HTTP, from zero. Measured when the service started.",
      bars: barsOf(single, microseconds), end: Math.max(...described.map(single)),
      columns: [name, column("One pair", single), column("Per pair in a batch", (model) => times.get(model.name).microseconds_per_pair)],
      rows: described,
    }),
  ];
}

function chartsOf(described) {
  const curves = described.filter((model) => model.training.history.mse?.length);
  const found = [frontier({
    title: "Error against bytes", note: "Lower left is better. The line is the Pareto frontier: no other model is better in both.",
    points: described.map((model) => ({ label: model.name, x: model.memory.weights_bytes, y: model.accuracy.mse })),
    across: "Bytes of weights", unit: "MSE", format: bytes,
  })];
  if (curves.length) {
    found.push(lines({
      title: "Learning curves", note: "Mean squared error on the training ratings by epoch.", first: "Epoch", across: "Epoch", unit: "MSE",
      series: curves.map((model) => ({ label: model.name, points: model.training.history.mse.map((error, place) => [place + 1, error]) })),
    }));
  }
  return [...found, popularityOf(described)].filter(Boolean);
}

// The distribution of the training ratings over the movies, and the blocks of a model.
function popularityOf(described) {
  const counted = described.find((model) => model.popularity?.movie_ratings);
  if (!counted) return null;
  const blocks = inBlocks(described);
  const ranges = counted.popularity.movie_ratings;
  const ends = [];
  (blocks?.popularity.movie_blocks ?? []).forEach((size, place) => ends.push((ends[place - 1] ?? 0) + size));
  const blockOf = (rank) => ends.findIndex((end) => rank <= end);
  const labels = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  const middle = ({ first, last }) => Math.floor((first + last) / 2);
  const each = ({ first, last, ratings }) => Number((ratings / (last - first + 1)).toFixed(1));
  const series = blocks
    ? ends.map((end, block) => ({
      label: `Block ${block + 1}: to rank ${end}`,
      values: ranges.map((range) => (blockOf(middle(range)) === block ? each(range) : null)),
    })).filter(({ values }) => values.some((value) => value !== null))
    : [{ label: `Ratings per ${item}`, values: ranges.map(each) }];
  return bars({
    title: `Popularity of the ${items}`, first: "Popularity rank", labels, series, log: true, wide: true, stacked: true, unit: `Training ratings per ${item}`,
    note: blocks ? `${capitalised(items)} by popularity rank; colours show the blocks of ${blocks.name} at the middle of each bar.` : `${capitalised(items)} by popularity rank.`,
    format: (count) => Number(count).toLocaleString("en"),
  });
}
