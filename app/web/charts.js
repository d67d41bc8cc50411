// Charts: each is a figure with the same numbers as a table and as CSV.

import { downloadButton } from "./csv.js";
import { h, table } from "./dom.js";

const LIGHT = ["#2f62c4", "#b8570a", "#1d7a4a", "#8a3fa8", "#b3263a", "#4c6272"];
const DARK = ["#8fb4ff", "#ffb066", "#7fd6a2", "#d5a0ee", "#ff98a6", "#b4c4d2"];
const POINTS = ["circle", "rectRot", "triangle", "rect", "star", "cross"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const live = new Map(); // canvas -> {chart, config}
let library = null;

// The library is loaded when the first chart is drawn.
function load() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(h("script", {
      src: new URL("chart.js", import.meta.url).href, onload: () => resolve(globalThis.Chart),
      onerror: () => { library = null; reject(new Error("The chart library is not installed.")); },
    }));
  });
  return library;
}

dark.addEventListener("change", () => live.forEach((_, canvas) => draw(canvas)));

async function draw(canvas) {
  const Chart = await load();
  for (const [old, { chart }] of live) {
    if (!old.isConnected) {
      chart?.destroy();
      live.delete(old);
    }
  }
  const held = live.get(canvas);
  if (!held) return;
  held.chart?.destroy();
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  Chart.defaults.color = colour("--text");
  Chart.defaults.borderColor = colour("--line");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  held.chart = new Chart(canvas, held.config(dark.matches ? DARK : LIGHT, colour));
}

// `columns` and `rows` are the numbers; `config(colours)` is the configuration of the chart.
function chart(title, note, columns, rows, config) {
  const canvas = h("canvas", { role: "img", ariaLabel: `${title}: chart. The table below has the same numbers.` });
  const holder = h("div", { className: "canvas" }, canvas);
  live.set(canvas, { chart: null, config });
  requestAnimationFrame(() => draw(canvas).catch((error) => {
    holder.replaceChildren(h("p", { className: "problem", role: "alert" }, error.message));
  }));
  return figure(title, note, columns, rows, holder);
}

function figure(title, note, columns, rows, ...content) {
  return h("figure", {},
    h("figcaption", {}, title, note ? h("span", { className: "note" }, note) : null), ...content.filter(Boolean),
    h("div", { className: "actions" }, downloadButton(title, columns, rows),
      h("details", {}, h("summary", {}, "Numbers", h("span", { className: "visually-hidden" }, ` of ${title}`)), table(title, columns, rows))));
}

// Bars whose lengths can be compared: of each row [{label, value, text}] from `zero` to its value, on an axis from `zero`
// to `end`, with a line for each of `lines` [{label, value}]. `columns` and `rows` are the numbers.
export function lengths({ title, note, bars: drawn, zero = 0, end, lines = [], columns, rows }) {
  const percent = (value) => `${(100 * (value - zero)) / (end - zero)}%`;
  const placed = (element, value) => {
    element.style.setProperty("--share", percent(value));
    return element;
  };
  return figure(title, note, columns, rows,
    h("ul", { className: "lengths" }, ...drawn.map(({ label, value, text, best }) => h("li", {},
      h("span", { className: "name" }, ...label),
      h("span", { className: "track", ariaHidden: "true" }, placed(h("span", { className: "bar" }), value),
        ...lines.map((line) => placed(h("span", { className: "line" }), line.value))),
      h("span", { className: best ? "best" : "" }, text)))),
    lines.length ? h("ul", { className: "legend" }, ...lines.map(({ label }) => h("li", {}, label))) : null);
}

const plain = (value) => value;
// On a logarithmic scale only 1, 2, 5, 10, 20 ... have labels.
const hasLabel = (value) => "125".includes(Number(value).toExponential()[0]) && /^\de/.test(Number(value).toExponential());

// Trailing zeros are removed from the labels of a scale: 50.0 KB becomes 50 KB.
const short = (text) => String(text).replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");

function options(unit, { x = {}, y = {}, legend = true, tooltip = {} }) {
  return {
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "nearest", axis: "xy", intersect: false },
    scales: { x, y: { title: { display: Boolean(unit), text: unit }, ...y } },
    plugins: { legend: { display: Boolean(legend), position: "bottom", labels: { usePointStyle: true, boxHeight: 7, ...legend } }, tooltip },
  };
}

// A bar chart of `series` [{label, values}] over `labels`.
export function bars({ title, note, first, labels, series, unit, format = plain, log = false, wide = false, stacked = false }) {
  // By default a logarithmic axis begins at the smallest value, whose bar would be invisible.
  const lowest = Math.min(...series.flatMap((one) => one.values).filter((value) => value > 0));
  const columns = [{ label: first, value: (place) => labels[place] },
    ...series.map((one) => ({ label: one.label, value: (place) => one.values[place] ?? "" }))];
  return chart(title, note, columns, [...labels.keys()], (colours) => ({
    type: "bar",
    data: {
      labels,
      datasets: series.map((one, place) => ({
        label: one.label, data: one.values, backgroundColor: colours[place % colours.length],
        ...(wide ? { barPercentage: 1, categoryPercentage: 0.98 } : { maxBarThickness: 46 }),
      })),
    },
    options: options(unit, {
      legend: series.length > 1,
      y: { type: log ? "logarithmic" : "linear", ...(log ? { min: lowest / 2 } : {}), ticks: { callback: (value) => (log && !hasLabel(value) ? null : short(format(value))) } },
      x: { stacked, grid: { display: false }, ...(wide ? { ticks: { maxRotation: 60, autoSkip: true } } : {}) },
      tooltip: { callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${format(raw)}` } },
    }),
  }));
}

// A line chart of `series` [{label, points: [[x, y]]}].
export function lines({ title, note, first, series, unit, across }) {
  const rows = series.flatMap((one) => one.points.map(([x, y]) => ({ label: one.label, x, y })));
  const columns = [{ label: "Model", value: (row) => row.label }, { label: first, value: (row) => row.x }, { label: unit, value: (row) => row.y }];
  return chart(title, note, columns, rows, (colours) => ({
    type: "line",
    data: {
      datasets: series.map((one, place) => ({
        label: one.label, data: one.points.map(([x, y]) => ({ x, y })), pointRadius: 4, hoverRadius: 7,
        borderColor: colours[place % colours.length], backgroundColor: colours[place % colours.length],
        pointStyle: POINTS[place % POINTS.length],
      })),
    },
    options: options(unit, { x: { type: "linear", ticks: { precision: 0 }, title: { display: true, text: across } } }),
  }));
}

// The Pareto frontier from left to right: points that no other point dominates.
function paretoFrontier(points) {
  const dominates = (one, other) => one.x <= other.x && one.y <= other.y && (one.x < other.x || one.y < other.y);
  return points.filter((point) => !points.some((other) => dominates(other, point))).sort((one, other) => one.x - other.x);
}

// A scatter chart of named points [{label, x, y}], with x on a logarithmic scale and a line for the Pareto frontier.
export function frontier({ title, note, points, across, unit, format }) {
  const best = paretoFrontier(points);
  const columns = [{ label: "Model", value: (row) => row.label }, { label: across, value: (row) => row.x }, { label: unit, value: (row) => row.y },
    { label: "On the frontier", value: (row) => (best.includes(row) ? "yes" : "no") }];
  const low = Math.min(...points.map((point) => point.x)) / 2;
  const high = Math.max(...points.map((point) => point.x)) * 2;
  return chart(title, note, columns, points, (colours, colour) => ({
    type: "scatter",
    data: {
      datasets: [...points.map((point, place) => ({
        label: point.label, data: [{ x: point.x, y: point.y }], pointRadius: 8, hoverRadius: 11,
        backgroundColor: colours[place % colours.length], borderColor: colours[place % colours.length],
        borderWidth: 2, pointStyle: POINTS[place % POINTS.length],
      })), {
        label: "", data: best.map(({ x, y }) => ({ x, y })), showLine: true, pointRadius: 0, pointHitRadius: 0, hoverRadius: 0,
        borderColor: colour("--control"), borderWidth: 2, borderDash: [6, 4],
      }],
    },
    options: options(unit, {
      x: { type: "logarithmic", min: low, max: high, title: { display: true, text: across }, ticks: { maxRotation: 0, autoSkipPadding: 12, callback: (value) => (hasLabel(value) ? short(format(value)) : null) } },
      y: { grace: "20%" },
      legend: { filter: ({ text }) => text !== "" },
      tooltip: { filter: ({ dataset }) => dataset.label !== "", callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${format(raw.x)}, ${raw.y}` } },
    }),
  }));
}
