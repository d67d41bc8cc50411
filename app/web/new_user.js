// A new user: ratings entered on the page, predictions without training.

import { post } from "./api.js";
import { movieById, movies } from "./catalogue.js";
import { group } from "./data_sets.js";
import { h, hint, meter, modelName, movieLabel, ratingOf, reset, show, stars, titleOf } from "./dom.js";
import { bestLists } from "./lists.js";
import { orderField } from "./order.js";
import { moviePicker } from "./pickers.js";
import { ratingField } from "./rating_field.js";
import { choices } from "./scale.js";
import { hasTitles, listOf, listed } from "./untitled.js";
import { counted, item, items } from "./words.js";

const DELAY = 250; // milliseconds after the last rating
const MOST_KNOWN = 240;
const narrow = matchMedia("(max-width: 48rem)");

let entries = []; // {movie, rating} of each card; rating is null until the visitor rates the movie
let known = []; // well-known movies that have no card yet
let compared = false;
let otherMovie = null;
let timer = 0;
let result, grid, more, jump, words, order, otherForm, otherResult, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  grid = root.querySelector("[data-grid]");
  more = root.querySelector("[data-more]");
  order = orderField(root.querySelector("[data-order]"), () => { changed(state()); predict(); });
  jump = root.querySelector("[data-jump]");
  words = root.querySelector("[data-words]");
  otherForm = root.querySelector("[data-other]");
  otherResult = root.querySelector("[data-other-result]");
  const finder = moviePicker(`Find a ${item} you know`, (movie) => { finder.set(""); add(movie); });
  root.querySelector("[data-movie]").append(finder.element);
  const other = moviePicker("And what about", (movie) => { otherMovie = movie; predictOther(); }, `Any other ${item}`);
  root.querySelector("[data-other-movie]").append(other.element);
  jump.addEventListener("click", () => {
    result.scrollIntoView();
    result.focus({ preventScroll: true });
  });
  more.addEventListener("click", () => {
    const first = entries.length;
    showMore();
    grid.children[first]?.querySelector("input, select")?.focus();
  });
}

const rated = () => entries.filter((one) => one.rating !== null);

export const state = () => ({ rated: rated().map(({ movie, rating }) => `${movie.movie_id}:${rating}`).join(","), order: order.state(), compare: compared ? "all" : "" });

export async function open(query) {
  // Invalid ratings in the address are ignored; the last rating of a movie counts.
  const wanted = new Map((query.get("rated") ?? "").split(",").map((part) => part.split(":"))
    .filter(([id, rating]) => id && rating && choices.includes(Number(rating))));
  const before = entries;
  entries = [...wanted].map(([id, rating]) => ({
    movie: before.find(({ movie }) => movie.movie_id === id)?.movie ?? { movie_id: id, title: null, genres: [] }, rating: Number(rating),
  }));
  order.open(query.get("order"));
  compared = query.get("compare") === "all";
  render();
  predict();
  const unnamed = entries.filter(({ movie }) => movie.title === null);
  const [found, named] = await Promise.all([movies({ limit: MOST_KNOWN }).then(listed).catch(() => []), hasTitles().catch(() => true),
    ...unnamed.map(async (one) => { one.movie = await movieById(one.movie.movie_id).catch(() => one.movie); })]);
  words.textContent = named
    ? `Click the stars of ${items} you know. What you would like appears as you rate.`
    : `The models here know no titles, so ${items} are shown by their ids. Rate those that you know, or find one by its id.`;
  known = found;
  showMore();
}

function showMore() {
  known = known.filter((movie) => !entries.some((one) => one.movie.movie_id === movie.movie_id));
  entries.push(...known.splice(0, narrow.matches ? 4 : 12).map((movie) => ({ movie, rating: null })));
  render();
}

function add(movie) {
  const there = entries.find((one) => one.movie.movie_id === movie.movie_id);
  if (!there) entries.unshift({ movie, rating: null });
  render();
  const place = there ? entries.indexOf(there) : 0;
  const field = grid.children[place];
  (field.querySelector("input:checked") ?? field.querySelector("input, select")).focus();
}

function rate(entry, rating) {
  entry.rating = rating;
  changed(state());
  mark(entry);
  clearTimeout(timer);
  timer = setTimeout(predict, DELAY);
}

// Shows whether the movie of an entry is rated, without a new field, which would lose the focus.
function mark(entry) {
  const card = grid.children[entries.indexOf(entry)];
  card.classList.toggle("is-rated", entry.rating !== null);
  card.querySelector("button").hidden = entry.rating === null;
}

function render() {
  grid.replaceChildren(...entries.map((entry) => h("li", {},
    h("div", { className: "about" }, ...movieLabel(entry.movie)),
    ratingField(titleOf(entry.movie), entry.rating, (rating) => rate(entry, rating)),
    h("button", { type: "button", className: "link", ariaLabel: `Remove the rating of ${titleOf(entry.movie)}`, onclick: () => clear(entry) }, "Remove"))));
  entries.forEach(mark);
  more.hidden = !known.length;
}

function clear(entry) {
  rate(entry, null);
  const card = grid.children[entries.indexOf(entry)];
  card.querySelectorAll("input").forEach((input) => { input.checked = false; });
  const field = card.querySelector("input, select");
  if (field.tagName === "SELECT") field.value = "";
  field.focus();
}

async function byModels(described, more) {
  const ratings = rated().map(({ movie, rating }) => ({ movie_id: movie.movie_id, rating }));
  return Promise.all(described.map(({ name: model }) => listOf((exclude) => post("predict/new-user", { ratings, exclude, ...more, model }))));
}

function predict() {
  clearTimeout(timer);
  const many = rated().length;
  otherForm.hidden = !many;
  if (!many) {
    reset(result, hint(`Rate at least one ${item}. Five ratings give rough predictions, twenty give good ones.`));
    nameBest();
    return null;
  }
  if (otherMovie) predictOther();
  return show(result, "Fitting your ratings", async () => {
    const found = await group();
    const rankBy = order.rankBy(found.models, compared);
    const lists = await byModels(compared ? found.models : found.models.slice(0, 1), { n: 10, rank_by: rankBy });
    const heading = h("p", { className: "sentence" }, `What you would ${rankBy === "likely" ? "choose and like" : "rate highest"}, from your ratings of ${counted(many)}.`);
    return [heading, ...bestLists(lists, found, { compared, compare })];
  }).then(nameBest);
}

// On a narrow screen the list is below the grid: a button names the first of the list that is shown, and leads there.
function nameBest() {
  const best = result.querySelector(".list li");
  jump.hidden = !best;
  if (best) jump.replaceChildren(`For you: ${best.querySelector("span > span").textContent}`, best.querySelector(".rating").cloneNode(true), h("u", {}, "See the list"));
}

async function compare() {
  compared = !compared;
  changed(state());
  await predict();
  result.querySelector(".compare")?.focus();
}

function predictOther() {
  const movie = otherMovie;
  show(otherResult, "Requesting predictions", async () => {
    const { models, preferred } = await group();
    const [first, ...others] = await byModels(compared ? models : models.slice(0, 1), { n: 0, movie_ids: [movie.movie_id] });
    return [h("p", { className: "figure" }, stars(first.predictions[0].rating)),
      h("p", { className: "sentence" }, `You would give ${titleOf(movie)} ${first.predictions[0].rating.toFixed(1)}, as predicted by ${first.model}.`),
      others.length ? h("ul", { className: "predictions" }, ...[first, ...others].map(({ model, predictions: [one] }) => h("li", {},
        h("span", { className: "name" }, ...modelName(model, preferred)), meter(one.rating), ratingOf(one.rating)))) : null].filter(Boolean);
  });
}
