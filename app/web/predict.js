// The predictions of every model for one pair.

import { get, movieById } from "./api.js";
import { badge, h, hint, meter, ratingOf, reset, show, titleOf } from "./dom.js";
import { moviePicker, userPicker } from "./pickers.js";
import { capitalised, item, items } from "./words.js";

let user = "";
let movie = null;
let result, users, movies, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  users = userPicker((id) => { user = id; update(); }, (error) => show(result, "Selecting a random user", () => { throw error; }));
  movies = moviePicker(capitalised(item), (found) => { movie = found; update(); });
  root.querySelector("[data-user]").append(users.element);
  root.querySelector("[data-movie]").append(movies.element);
  root.querySelector("[data-new-user]").addEventListener("click", () => {
    const tab = document.getElementById("tab-new-user");
    tab.click();
    tab.focus();
  });
}

export const state = () => ({ user, movie: movie?.movie_id ?? "" });

export function open(query) {
  user = query.get("user") ?? "";
  users.set(user);
  const wanted = query.get("movie") ?? "";
  if (wanted !== (movie?.movie_id ?? "")) {
    movie = wanted ? { movie_id: wanted, title: null, genres: [] } : null;
    movies.set(wanted);
  }
  refresh();
}

// Adds the title to a movie that comes from an address, which has its id only.
async function withTitle(chosen) {
  if (chosen.title !== null) return chosen;
  const found = await movieById(chosen.movie_id).catch(() => chosen);
  if (movie === chosen) {
    movie = found;
    movies.set(titleOf(found));
  }
  return found;
}

function update() {
  changed(state());
  refresh();
}

function refresh() {
  if (!user || !movie) {
    reset(result, hint(user ? `Now choose the ${item}.` : movie ? "Now choose a user." : `Choose a user and one of the ${items}.`));
    return;
  }
  const chosen = movie;
  show(result, "Requesting predictions", async () => {
    const pair = { user_id: user, movie_id: chosen.movie_id };
    const [{ predictions, spread }, { title, movie_id: id }, { total, items }] = await Promise.all(
      // The actual rating is optional: if it cannot be loaded, the predictions are shown without it.
      [get("compare", pair), withTitle(chosen), get("ratings", pair).catch(() => ({ total: null, items: [] }))]);
    const cold = predictions.filter((one) => !one.known_user || !one.known_movie);
    const given = items.length ? items[0].rating : null;
    return [h("div", { className: "card" },
      h("h3", {}, `${title ?? id}, as ${/^\d+$/.test(user) ? `user ${user}` : user} would rate it`),
      h("ul", { className: "facts" },
        h("li", {}, badge(`Spread ${spread.toFixed(2)}`)),
        h("li", {}, cold.length ? badge("Cold pair: estimated from averages", "bad") : badge(`User and ${item} are in the training data`, "good")),
        total !== null && given === null ? h("li", {}, badge("Not rated by this user")) : null),
      h("ul", { className: given === null ? "predictions" : "predictions beside-given" },
        given === null ? null : h("li", { className: "given" }, h("span", { className: "name" }, "Actual rating"), meter(given), ratingOf(given)),
        ...predictions.map((one) => h("li", {},
          h("span", { className: "name" }, one.model), meter(one.rating, given), ratingOf(one.rating),
          given === null ? null : difference(one.rating - given),
          one.known_user && one.known_movie ? null
            : h("span", { className: "note detail" }, unknownIds(one))))))];
  });
}

function difference(error) {
  return h("span", { className: "off" }, `${error < 0 ? "−" : "+"}${Math.abs(error).toFixed(2)}`,
    h("span", { className: "visually-hidden" }, " from the actual rating"));
}

function unknownIds({ known_user: knowsUser, known_movie: knowsMovie }) {
  if (!knowsUser && !knowsMovie) return `Unknown user and ${item}: the average of all ratings.`;
  return knowsUser ? `Unknown ${item}: the average of this user's ratings.` : `Unknown user: the average rating of this ${item}.`;
}
