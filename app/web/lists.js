// Lists of the best movies: that of the first model, and on request those of the others beside it.

import { badge, h, movieLabel, modelName, stars } from "./dom.js";
import * as words from "./words.js";

// Shows `lists` [{model, items, hidden}] by the models of `group`. `given` has the actual ratings by movie id.
// `compared` says whether there are several because `compare()` was called.
export function bestLists(lists, group, { given = new Map(), compared, compare }) {
  const seen = new Map();
  for (const { items } of lists) for (const item of items) seen.set(item.movie_id, (seen.get(item.movie_id) ?? 0) + 1);
  const many = lists.length > 1;
  const inAll = [...seen.values()].filter((times) => times === lists.length).length;
  const hidden = Math.max(...lists.map((one) => one.hidden));
  return [
    group.models.length > 1 ? h("button", { type: "button", className: "secondary compare", ariaExpanded: String(compared), onclick: compare },
      compared ? `Show ${lists[0].model} only` : `Compare ${group.models.length} models`) : null,
    h("div", { className: many ? "columns" : "one" }, ...lists.map(({ model, items }) => h("section", { className: "card", ariaLabel: model },
      h("h3", {}, ...modelName(model, group.preferred)),
      items.length ? h("ol", { className: "list" }, ...items.map((item) => h("li", {},
        h("span", {}, ...movieLabel(item, [
          many ? agreement(seen.get(item.movie_id), lists.length) : null,
          given.has(item.movie_id) ? badge(`rated ${given.get(item.movie_id)}`, "star") : null])),
        stars(item.rating))))
        : h("p", { className: "note" }, `No ${words.items} left.`)))),
    hidden ? h("p", { className: "note" }, `${words.counted(hidden)} without a title ${hidden === 1 ? "is" : "are"} left out. `,
      h("button", { type: "button", className: "link", onclick: () => document.getElementById("untitled").click() }, "Show them")) : null,
    many ? h("p", { className: "note" }, `${inAll ? words.counted(inAll) : `No ${words.item}`} ${inAll > 1 ? "are" : "is"} in every list.`) : null,
  ].filter(Boolean);
}

function agreement(times, all) {
  if (times === all) return badge("in every list", "good");
  return times === 1 ? badge("only in this list") : badge(`in ${times} of ${all} lists`, "plain");
}
