// One pair, rated by every model.

import { get, movieById } from "./api.js";
import { badge, h, hint, meter, reset, show, stars, titleOf } from "./dom.js";
import { moviePicker, userPicker } from "./pickers.js";

let user = "";
let movie = null;
let result, users, movies, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  users = userPicker((id) => { user = id; update(); }, (error) => show(result, "Drawing a user", () => { throw error; }));
  movies = moviePicker("Movie", (found) => { movie = found; update(); });
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
  ask();
}

// The movie with its title, where an address named it by its id.
async function named(chosen) {
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
  ask();
}

function ask() {
  if (!user || !movie) {
    reset(result, hint(user ? "Now choose a movie." : movie ? "Now choose a user." : "Choose a user and a movie."));
    return;
  }
  const chosen = movie;
  show(result, "Asking every model", async () => {
    const pair = { user_id: user, movie_id: chosen.movie_id };
    const [{ predictions, spread }, { title, movie_id: id }, { total, items }] = await Promise.all(
      // What was really given is an extra: without it, the predictions stand as well.
      [get("compare", pair), named(chosen), get("ratings", pair).catch(() => ({ total: null, items: [] }))]);
    const cold = predictions.filter((one) => !one.known_user || !one.known_movie);
    const given = items.length ? items[0].rating : null;
    return [h("div", { className: "card" },
      h("h3", {}, `${title ?? id}, as ${/^\d+$/.test(user) ? `user ${user}` : user} would rate it`),
      h("ul", { className: "facts" },
        h("li", {}, badge(`Spread ${spread.toFixed(2)} stars`)),
        h("li", {}, cold.length ? badge("Cold pair: a mean stands in", "bad") : badge("Both are known from training", "good")),
        total !== null && given === null ? h("li", {}, badge("Not rated by this user")) : null),
      h("ul", { className: given === null ? "predictions" : "predictions beside-given" },
        given === null ? null : h("li", { className: "given" }, h("span", { className: "name" }, "Really given"), meter(given), stars(given)),
        ...predictions.map((one) => h("li", {},
          h("span", { className: "name" }, one.model), meter(one.rating, given), stars(one.rating),
          given === null ? null : off(one.rating - given),
          one.known_user && one.known_movie ? null
            : h("span", { className: "note detail" }, unknown(one))))))];
  });
}

function off(stars) {
  return h("span", { className: "off" }, `${stars < 0 ? "−" : "+"}${Math.abs(stars).toFixed(2)}`,
    h("span", { className: "visually-hidden" }, " stars off what was given"));
}

function unknown({ known_user: knowsUser, known_movie: knowsMovie }) {
  if (!knowsUser && !knowsMovie) return "Knows neither the user nor the movie: the mean of all ratings.";
  return knowsUser ? "Does not know the movie: what this user gives on average." : "Does not know the user: what this movie gets on average.";
}
