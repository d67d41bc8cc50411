// A new user: ratings entered on the page, predictions without training.

import { get, models, movieById, post } from "./api.js";
import { h, hint, meter, ratingOf, reset, show, titleOf } from "./dom.js";
import { sideBySide } from "./lists.js";
import { moviePicker } from "./pickers.js";
import { choices, low, outOf, share } from "./scale.js";
import { capitalised, item } from "./words.js";

let rated = []; // {movie, rating}
let otherMovie = null;
let result, list, suggested, otherForm, otherResult, movies, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  list = root.querySelector("[data-rated]");
  suggested = root.querySelector("[data-suggested]");
  otherForm = root.querySelector("[data-other]");
  otherResult = root.querySelector("[data-other-result]");
  movies = moviePicker(`${capitalised(item)} you know`, (movie) => { movies.set(""); add(movie); });
  root.querySelector("[data-movie]").append(movies.element);
  const picker = moviePicker("And what about", (movie) => { otherMovie = movie; predictOther(); }, `Any other ${item}`);
  root.querySelector("[data-other-movie]").append(picker.element);
}

export const state = () => ({ rated: rated.map(({ movie, rating }) => `${movie.movie_id}:${rating}`).join(",") });

export async function open(query) {
  // Invalid ratings in the address are ignored; the last rating of a movie counts.
  const wanted = new Map((query.get("rated") ?? "").split(",").map((part) => part.split(":"))
    .filter(([id, rating]) => id && choices.includes(Number(rating))));
  rated = [...wanted].map(([id, rating]) => ({
    movie: rated.find(({ movie }) => movie.movie_id === id)?.movie ?? { movie_id: id, title: null, genres: [] }, rating: Number(rating),
  }));
  render();
  const unnamed = rated.filter(({ movie }) => movie.title === null);
  await Promise.all(unnamed.map(async (one) => { one.movie = await movieById(one.movie.movie_id).catch(() => one.movie); }));
  if (unnamed.length) renderList();
  if (!suggested.childElementCount) suggest();
}

async function suggest() {
  const found = await get("movies", { limit: 120 }).catch(() => ({ items: [] }));
  const titled = found.items.filter((movie) => movie.title);
  // Suggest some of the most rated movies, spread over the list for variety.
  const some = titled.filter((_, place) => place % 12 === 0).slice(0, 8).filter((movie) => !rated.some((one) => one.movie.movie_id === movie.movie_id));
  suggested.replaceChildren(...some.map((movie) => {
    const entry = h("li", {}, h("button", { type: "button", onclick: () => { entry.remove(); add(movie); } }, movie.title));
    return entry;
  }));
}

function add(movie) {
  if (!rated.some((one) => one.movie.movie_id === movie.movie_id)) rated.push({ movie, rating: choices.find((rating) => share(rating) <= 0.8) });
  update();
  list.querySelector("li:last-child select")?.focus();
}

function update() {
  changed(state());
  render();
}

function renderList() {
  list.replaceChildren(...rated.map((one) => h("li", {},
    h("span", {}, titleOf(one.movie)),
    h("select", {
      ariaLabel: `Rating of ${titleOf(one.movie)}`,
      onchange: (event) => { one.rating = Number(event.target.value); changed(state()); predict(); },
    }, ...choices.map((value) => h("option", { value, selected: value === one.rating }, low < 0 ? value : `${value} ${outOf}`))),
    h("button", {
      type: "button", className: "secondary", ariaLabel: `Remove ${titleOf(one.movie)}`,
      onclick: () => { rated = rated.filter((other) => other !== one); movies.input.focus(); update(); },
    }, "Remove"))));
}

function render() {
  renderList();
  predict();
}

function request(more) {
  return { ratings: rated.map(({ movie, rating }) => ({ movie_id: movie.movie_id, rating })), ...more };
}

async function everyModel(more) {
  const names = (await models()).models.map((model) => model.name);
  return Promise.all(names.map((model) => post("predict/new-user", { ...request(more), model })));
}

function predict() {
  otherForm.hidden = !rated.length;
  if (!rated.length) {
    reset(result, hint(`Rate at least one ${item}. Five ratings give rough predictions, twenty give good ones.`));
    return;
  }
  show(result, "Fitting your ratings", async () => sideBySide(await everyModel({ n: 10 })));
  if (otherMovie) predictOther();
}

function predictOther() {
  const movie = otherMovie;
  show(otherResult, "Requesting predictions", async () => {
    const found = await everyModel({ n: 0, movie_ids: [movie.movie_id] });
    return [h("h3", {}, titleOf(movie)), h("ul", { className: "predictions" }, ...found.map(({ model, predictions: [one] }) => h("li", {},
      h("span", { className: "name" }, model), meter(one.rating), ratingOf(one.rating))))];
  });
}
