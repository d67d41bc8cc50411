// The best movies of a user, by the default model or by every model.

import { get, post } from "./api.js";
import { movieById } from "./catalogue.js";
import { group, leader } from "./data_sets.js";
import { h, hint, movieLabel, ratingOf, show, titleOf } from "./dom.js";
import { bestLists } from "./lists.js";
import { orderField } from "./order.js";
import { moviePicker, userPicker } from "./pickers.js";
import { listOf } from "./untitled.js";
import * as words from "./words.js";

const SHOWN = 20; // most ratings of the user that are listed
const ALL = 1000; // most ratings that the service returns
const MAX_TITLES = 30; // most excluded movies whose titles are loaded
let user = "";
let isExample = false;
let excluded = [];
let compared = false;
let result, users, movies, chips, number, order, rated, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  chips = root.querySelector("[data-chips]");
  number = root.querySelector("select");
  rated = root.querySelector("[data-rated]");
  order = orderField(root.querySelector("[data-order]"), update);
  users = userPicker((id) => { user = id; isExample = false; update(); }, (error) => show(result, "Selecting a random user", () => { throw error; }));
  movies = moviePicker("Exclude (optional)", (movie) => {
    movies.set("");
    if (!excluded.some((one) => one.movie_id === movie.movie_id)) excluded.push(movie);
    update();
  }, `Any ${words.item} already known`);
  number.addEventListener("change", update);
  rated.control.addEventListener("change", update);
  root.querySelector("[data-user]").append(users.element);
  root.querySelector("[data-exclude]").append(movies.element);
}

export const state = () => ({
  user: isExample ? "" : user, n: number.value === "10" ? "" : number.value, order: order.state(), without: excluded.map((movie) => movie.movie_id).join(","),
  rated: rated.control.checked ? "" : "too", compare: compared ? "all" : "",
});

export function open(query) {
  user = query.get("user") ?? "";
  isExample = !user;
  users.set(user);
  number.value = query.get("n") ?? "10";
  if (!number.value) number.value = "10";
  order.open(query.get("order"));
  rated.control.checked = query.get("rated") !== "too";
  compared = query.get("compare") === "all";
  const ids = (query.get("without") ?? "").split(",").filter(Boolean);
  excluded = ids.map((id) => excluded.find((movie) => movie.movie_id === id) ?? { movie_id: id, title: null, genres: [] });
  refresh();
  loadTitles();
}

// Loads the titles of excluded movies that come from an address, which has their ids only.
async function loadTitles() {
  const wanted = excluded.filter((movie) => movie.title === null).slice(0, MAX_TITLES);
  const found = new Map(await Promise.all(wanted.map(async (movie) => [movie, await movieById(movie.movie_id).catch(() => movie)])));
  excluded = excluded.map((movie) => found.get(movie) ?? movie);
  if (wanted.length) renderChips();
}

function update() {
  changed(state());
  return refresh();
}

function renderChips() {
  chips.replaceChildren(...excluded.map((movie) => h("li", {}, h("button", {
    type: "button", ariaLabel: `Stop excluding ${titleOf(movie)}`,
    onclick: () => { excluded = excluded.filter((one) => one !== movie); movies.input.focus(); update(); },
  }, `${titleOf(movie)} ✕`))));
}

// Chooses the user with the most ratings.
async function chooseExample() {
  const { items: [id] } = await get("users", { limit: 1, model: await leader() });
  if (!isExample || id === undefined || users.input.value) return;
  user = id;
  users.set(id);
}

function refresh() {
  renderChips();
  return show(result, "Requesting recommendations", async () => {
    if (!user) await chooseExample();
    if (!user) return [hint("Choose a user to see what they would like.")];
    const without = rated.control.checked;
    const ids = excluded.map((movie) => movie.movie_id);
    const found = await group();
    const rankBy = order.rankBy(found.models, compared);
    const request = { user_id: user, n: Number(number.value), exclude_rated: without, rank_by: rankBy };
    const described = compared ? found.models : found.models.slice(0, 1);
    const carriers = found.models.filter((model) => model.memory.ratings_bytes);
    rated.hidden = !carriers.length;
    const [given, ...lists] = await Promise.all([
      carriers.length ? get("ratings", { user_id: user, limit: without ? SHOWN : ALL, model: carriers[0].name }) : null,
      ...described.map(({ name: model }) => listOf((untitled) => post("recommend", { ...request, model, exclude: [...ids, ...untitled] })))]);
    const actual = new Map((given?.items ?? []).map((one) => [one.movie_id, one.rating]));
    const bare = carriers.length ? described.filter((model) => !carriers.includes(model)).map((model) => model.name) : [];
    return [
      h("p", { className: "sentence" }, `${isExample ? "An example: what the user with the most ratings" : `What ${words.userName(user)}`} ${rankBy === "likely" ? "is likely to choose and like" : "would rate highest"}, as predicted by ${compared && lists.length > 1 ? `${lists.length} models` : lists[0].model}.`),
      bare.length && without ? h("p", { className: "note" }, `Rated ${words.items} are not excluded for ${bare.join(", ")}, which ${bare.length === 1 ? "has" : "have"} no ratings.`) : null,
      ...bestLists(lists, found, { given: without ? undefined : actual, compared, compare: async () => {
        compared = !compared;
        await update();
        result.querySelector(".compare")?.focus();
      } }),
      given?.total ? ratingsOf(given) : null,
    ].filter(Boolean);
  });
}

function ratingsOf({ user_id, total, items }) {
  const shown = items.slice(0, SHOWN);
  const about = shown.length < total ? `the highest ${shown.length} of ${total.toLocaleString("en")}` : total === 1 ? "1 rating" : `${total} ratings, highest first`;
  return h("details", { className: "card past" }, h("summary", {}, `Ratings by ${words.userName(user_id)}: ${about}`),
    h("ol", { className: "list" }, ...shown.map((item) => h("li", {}, h("span", {}, ...movieLabel(item)), ratingOf(item.rating)))));
}
