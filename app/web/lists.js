// Lists of movies by several models, side by side.

import { badge, h, movieLabel, ratingOf } from "./dom.js";
import * as words from "./words.js";

// Shows `lists` [{model, items}] as columns, and marks the movies that are in several lists. `given` has the actual
// ratings by movie id, which are shown next to the title.
export function sideBySide(lists, given = new Map()) {
  const seen = new Map();
  for (const { items } of lists) for (const item of items) seen.set(item.movie_id, (seen.get(item.movie_id) ?? 0) + 1);
  const inAll = [...seen.values()].filter((times) => times === lists.length).length;
  const inOne = [...seen.values()].filter((times) => times === 1).length;
  const many = lists.length > 1;
  return [
    many ? h("ul", { className: "facts" },
      h("li", {}, badge(`${counted(inAll)} in every list`, inAll ? "good" : "")),
      h("li", {}, badge(`${counted(inOne)} in one list only`))) : null,
    h("div", { className: "columns", tabIndex: 0, role: "group", ariaLabel: "Lists by model" }, ...lists.map(({ model, items }) => h("section", { className: "card", ariaLabel: model },
      h("h3", {}, model),
      items.length ? h("ol", { className: "list" }, ...items.map((item) => h("li", {},
        h("span", {}, ...movieLabel(item, [
          many ? agreement(seen.get(item.movie_id), lists.length) : null,
          given.has(item.movie_id) ? badge(`rated ${given.get(item.movie_id)}`, "star") : null])),
        ratingOf(item.rating))))
        : h("p", { className: "note" }, `No ${words.items} left.`)))),
  ].filter(Boolean);
}

const counted = (count) => (count === 0 ? `No ${words.item}` : count === 1 ? `1 ${words.item}` : `${count} ${words.items}`);

function agreement(times, all) {
  if (times === all) return badge("in every list", "good");
  return times === 1 ? badge("only in this list") : badge(`in ${times} of ${all} lists`, "plain");
}
