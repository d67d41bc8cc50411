// Lists of movies by several models, side by side.

import { badge, h, movieLabel, stars } from "./dom.js";

// `lists` [{model, items}] as columns, with what they agree on.
export function sideBySide(lists) {
  const seen = new Map();
  for (const { items } of lists) for (const item of items) seen.set(item.movie_id, (seen.get(item.movie_id) ?? 0) + 1);
  const inAll = [...seen.values()].filter((times) => times === lists.length).length;
  const inOne = [...seen.values()].filter((times) => times === 1).length;
  const many = lists.length > 1;
  return [
    many ? h("ul", { className: "facts" },
      h("li", {}, badge(`${inAll} in every list`, "good")), h("li", {}, badge(`${inOne} in one list only`))) : null,
    h("div", { className: "columns", tabIndex: 0, role: "group", ariaLabel: "Lists by model" }, ...lists.map(({ model, items }) => h("section", { className: "card", ariaLabel: model },
      h("h3", {}, model),
      items.length ? h("ol", { className: "list" }, ...items.map((item) => h("li", {},
        h("span", {}, ...movieLabel(item, many ? mark(seen.get(item.movie_id), lists.length) : null)), stars(item.rating))))
        : h("p", { className: "note" }, "No movie is left.")))),
  ].filter(Boolean);
}

function mark(times, all) {
  if (times === all) return badge("all agree", "good");
  return times === 1 ? badge("only here") : null;
}
