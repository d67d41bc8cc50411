// A user's best movies by each model.

import { models, post } from "./api.js";
import { h, hint, reset, show, titleOf } from "./dom.js";
import { sideBySide } from "./lists.js";
import { moviePicker, userPicker } from "./pickers.js";

let user = "";
let excluded = [];
let result, users, movies, chips, number, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  chips = root.querySelector("[data-chips]");
  number = root.querySelector("select");
  users = userPicker((id) => { user = id; update(); }, (error) => show(result, "Drawing a user", () => { throw error; }));
  movies = moviePicker("Leave out (optional)", (movie) => {
    movies.set("");
    if (!excluded.some((one) => one.movie_id === movie.movie_id)) excluded.push(movie);
    update();
  }, "A movie already seen");
  number.addEventListener("change", update);
  root.querySelector("[data-user]").append(users.element);
  root.querySelector("[data-exclude]").append(movies.element);
}

export const state = () => ({
  user, n: number.value === "10" ? "" : number.value, without: excluded.map((movie) => movie.movie_id).join(","),
});

export function open(query) {
  user = query.get("user") ?? "";
  users.set(user);
  number.value = query.get("n") ?? "10";
  if (!number.value) number.value = "10";
  const ids = (query.get("without") ?? "").split(",").filter(Boolean);
  excluded = ids.map((id) => excluded.find((movie) => movie.movie_id === id) ?? { movie_id: id, title: null, genres: [] });
  ask();
}

function update() {
  changed(state());
  ask();
}

function ask() {
  chips.replaceChildren(...excluded.map((movie) => h("li", {}, h("button", {
    type: "button", ariaLabel: `No longer leave out ${titleOf(movie)}`,
    onclick: () => { excluded = excluded.filter((one) => one !== movie); movies.input.focus(); update(); },
  }, `${titleOf(movie)} ✕`))));
  if (!user) {
    reset(result, hint("Choose a user, and see what each model would put first."));
    return;
  }
  const request = { user_id: user, n: Number(number.value), exclude: excluded.map((movie) => movie.movie_id) };
  show(result, "Asking every model", async () => {
    const names = (await models()).models.map((model) => model.name);
    return sideBySide(await Promise.all(names.map((model) => post("recommend", { ...request, model }))));
  });
}
