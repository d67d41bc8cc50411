// The models with their sizes, errors and times.

import { get, models } from "./api.js";
import { inBlocks } from "./blocks.js";
import { bars, frontier, lines } from "./charts.js";
import { downloadButton } from "./csv.js";
import { bytes, h, show, table } from "./dom.js";
import { high, low, range } from "./scale.js";
import { capitalised, item, items } from "./words.js";

let result;
let shown = false;

export function start(root) {
  result = root.querySelector("[data-result]");
}

export async function open() {
  if (shown) return;
  await show(result, "Loading the models", async () => {
    const [{ models: described, default: chosen }, { models: timed }] = await Promise.all([models(), get("compare")]);
    const times = new Map(timed.map((model) => [model.name, model]));
    shown = true;
    return [tableOf(described, chosen, times), h("div", { className: "charts" }, ...chartsOf(described, times))];
  });
}

function tableOf(described, chosen, times) {
  const least = (value) => Math.min(...described.map(value));
  const figure = (label, value, format = (number) => number) => ({
    label, value: (model) => format(value(model)), raw: value,
    best: (model) => described.length > 1 && value(model) === least(value),
  });
  const columns = [
    { label: "Model", value: (model) => `${model.name}${model.name === chosen ? " (default)" : ""}`, raw: (model) => model.name },
    figure("Parameters", (model) => model.parameters.total, (count) => count.toLocaleString("en")),
    figure("Weights", (model) => model.memory.weights_bytes, bytes),
    figure("File", (model) => model.memory.file_bytes, bytes),
    figure("Resident", (model) => model.memory.resident_bytes, bytes),
    { label: "Smaller by", value: (model) => (model.memory.compression_ratio ? `${model.memory.compression_ratio.toFixed(1)} ×` : "–"), raw: (model) => model.memory.compression_ratio },
    figure("MSE", (model) => model.accuracy.mse, (error) => error.toFixed(4)),
    figure("RMSE / width", (model) => model.accuracy.rmse / (high - low), (error) => error.toFixed(4)),
    figure("MAE", (model) => model.accuracy.mae, (error) => error.toFixed(4)),
    figure("One pair", (model) => times.get(model.name).microseconds_single, (time) => `${time.toFixed(0)} µs`),
    figure("Per pair in a batch", (model) => times.get(model.name).microseconds_per_pair, (time) => `${time.toFixed(2)} µs`),
  ];
  const { accuracy } = described[0];
  const download = columns.map(({ label, raw, value }) => ({ label, value: raw ?? value }));
  return h("div", { className: "card" },
    table(`All models on ${accuracy.dataset}, ${accuracy.test_rows.toLocaleString("en")} test ratings, ${accuracy.split} split`, columns, described),
    h("dl", { className: "names" }, ...described.flatMap((model) => [h("dt", {}, model.name), h("dd", {}, model.description)])),
    h("p", { className: "note" }, `For comparison: the global mean alone has an MSE of ${accuracy.global_mean_mse.toFixed(4)}, user and ${item} biases alone ${accuracy.biases_only_mse.toFixed(4)}. The best value of each column is green.`),
    downloadButton("Models", download, described));
}

function chartsOf(described, times) {
  const labels = described.map((model) => model.name);
  const series = (label, value) => ({ label, values: described.map(value) });
  const curves = described.filter((model) => model.training.history.mse?.length);
  const found = [
    frontier({
      title: "Error against bytes", note: "Lower left is better. The line is the Pareto frontier: no other model is better in both.",
      points: described.map((model) => ({ label: model.name, x: model.memory.weights_bytes, y: model.accuracy.mse })),
      across: "Bytes of weights", unit: "MSE", format: bytes,
    }),
    bars({
      title: "Memory", first: "Model", labels, unit: "Bytes, logarithmic", format: bytes, log: true,
      series: [series("Weights", (model) => model.memory.weights_bytes), series("Vocabulary", (model) => model.memory.vocabulary_bytes),
        ...(described.some((model) => model.memory.ratings_bytes) ? [series("Ratings", (model) => model.memory.ratings_bytes)] : []),
        series("File", (model) => model.memory.file_bytes), series("Resident", (model) => model.memory.resident_bytes)],
    }),
    bars({
      title: "Error", first: "Model", labels, unit: `Error on the scale ${range}`, format: (error) => Number(error).toFixed(3),
      series: [series("RMSE", (model) => model.accuracy.rmse), series("MAE", (model) => model.accuracy.mae)],
    }),
    bars({
      title: "Scoring time", note: "Measured when the service started, without HTTP.", first: "Model", labels, unit: "Microseconds, logarithmic", log: true,
      format: (time) => `${Number(time).toPrecision(3)} µs`,
      series: [series("One pair alone", (model) => times.get(model.name).microseconds_single), series("Per pair in a batch", (model) => times.get(model.name).microseconds_per_pair)],
    }),
  ];
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
