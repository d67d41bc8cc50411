// Elements, and the states of a request. Text is set as text, never as HTML.

import { high, low, outOf, share } from "./scale.js";

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A rating with its scale, such as "7.50 of 10".
export function ratingOf(rating) {
  return h("span", { className: "rating" }, rating.toFixed(2), h("span", { className: "of" }, ` ${outOf}`));
}

// A rating as a number beside five stars, which are filled in proportion; on a scale with negative ratings without stars.
export function stars(rating) {
  const number = ratingOf(rating);
  if (low < 0) return number;
  const gauge = h("span", { className: "gauge", ariaHidden: "true" });
  gauge.style.setProperty("--share", `${(rating / high) * 100}%`);
  number.prepend(gauge);
  number.classList.add("starred");
  return number;
}

// The name of a model, marked if it is the default.
export function modelName(name, preferred) {
  return name === preferred ? [`${name} `, badge("default")] : [name];
}

// A bar for the predicted rating, with a mark at the actual rating, and a line along the interval of an answer that has one.
export function meter(rating, given = null, { low = null, high = null } = {}) {
  const percent = (value) => `${share(value) * 100}%`;
  const bar = h("span", { className: "bar" });
  bar.style.setProperty("--share", percent(rating));
  const mark = given === null ? null : h("span", { className: "mark" });
  mark?.style.setProperty("--share", percent(given));
  const line = low === null ? null : h("span", { className: "interval", title: `${low} to ${high}` });
  line?.style.setProperty("--low", percent(low));
  line?.style.setProperty("--high", percent(high));
  return h("span", { className: "meter", ariaHidden: "true" }, bar, line, mark);
}

export function badge(text, kind = "") {
  return h("span", { className: `badge ${kind}` }, text);
}

export function titleOf(movie) {
  return movie.title ?? movie.movie_id;
}

export function movieLabel(movie, marks = []) {
  const about = movie.genres.join(", ");
  const kept = marks.filter(Boolean);
  return [
    h("span", {}, titleOf(movie)),
    about || kept.length ? h("span", { className: "genres" }, ...kept.flatMap((mark) => [mark, " "]), about) : null,
  ];
}

// A table with `columns` [{label, value(row), text?}]; numbers are aligned to the right.
export function table(caption, columns, rows) {
  const kind = (column) => (column.text ? { className: "text" } : {});
  return h("div", {}, h("p", { className: "caption" }, caption), h("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: caption },
    h("table", { ariaLabel: caption },
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col", ...kind(column) }, column.label)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...columns.map((column, place) => {
        const value = column.value(row);
        const properties = place ? kind(column) : { scope: "row" };
        if (column.best?.(row)) properties.className = "best";
        return h(place ? "td" : "th", properties, value instanceof Node ? value : String(value));
      })))))));
}

const runs = new WeakMap();

// Runs `work` and shows the elements that it returns in `region`, with messages for loading and for errors.
// The result is dropped if a later call for the same region has started.
export async function show(region, what, work) {
  const run = (runs.get(region) ?? 0) + 1;
  runs.set(region, run);
  region.setAttribute("aria-busy", "true");
  region.querySelectorAll(":scope > .loading, :scope > .problem").forEach((old) => old.remove());
  const loading = h("p", { className: "loading", role: "status" }, `${what} …`);
  region.prepend(loading);
  try {
    const found = await work((text) => { loading.textContent = text; });
    if (runs.get(region) === run) region.replaceChildren(...found);
  } catch (error) {
    if (runs.get(region) !== run) return;
    region.replaceChildren(h("div", { className: "problem", role: "alert" },
      h("p", {}, h("strong", {}, error.title ?? "Something went wrong")),
      h("p", {}, error.message),
      h("button", { type: "button", className: "secondary small", onclick: () => show(region, what, work) }, "Try again")));
  } finally {
    if (runs.get(region) === run) region.removeAttribute("aria-busy");
  }
}

// Cancels the current call for `region`, and shows `elements`.
export function reset(region, ...elements) {
  runs.set(region, (runs.get(region) ?? 0) + 1);
  region.removeAttribute("aria-busy");
  region.replaceChildren(...elements);
}

export function hint(text) {
  return h("p", { className: "empty" }, text);
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  const [scaled, unit] = count < 1e6 ? [count / 1e3, "KB"] : [count / 1e6, "MB"];
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`;
}
