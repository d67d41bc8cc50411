// The prediction for one pair: that of the default model, and those of the other models.

import { get, post } from "./api.js";
import { movieById } from "./catalogue.js";
import { group, leader } from "./data_sets.js";
import { badge, h, hint, meter, modelName, ratingOf, reset, show, stars, titleOf } from "./dom.js";
import { moviePicker, userPicker } from "./pickers.js";
import { hasStars } from "./scale.js";
import { listOf } from "./untitled.js";
import { capitalised, item, items, percent, userName } from "./words.js";

// The probability of the intervals that are shown.
const INTERVAL = 0.8;

let user = "";
let movie = null;
let isExample = false;
let result, users, movies, changed;

export function start(root, onChange) {
  changed = onChange;
  result = root.querySelector("[data-result]");
  users = userPicker((id) => { user = id; update(); }, (error) => show(result, "Selecting a random user", () => { throw error; }));
  movies = moviePicker(capitalised(item), (found) => { movie = found; update(); });
  root.querySelector("[data-user]").append(users.element);
  root.querySelector("[data-movie]").append(movies.element);
}

export const state = () => (isExample ? {} : { user, movie: movie?.movie_id ?? "" });

export function open(query) {
  user = query.get("user") ?? "";
  users.set(user);
  const wanted = query.get("movie") ?? "";
  if (wanted !== (movie?.movie_id ?? "")) {
    movie = wanted ? { movie_id: wanted, title: null, genres: [] } : null;
    movies.set(wanted);
  }
  isExample = !user && !movie;
  refresh();
}

// Chooses the user with the most ratings, and the best movie for them.
async function chooseExample() {
  const model = await leader();
  const [id] = (await get("users", { limit: 1, model })).items;
  if (id === undefined) return;
  const { items: [best] } = await listOf((exclude) => post("recommend", { user_id: id, n: 3, model, exclude }));
  // What the visitor has chosen or typed meanwhile stays.
  if (!isExample || !best || users.input.value || movies.input.value) return;
  user = id;
  movie = best;
  users.set(id);
  movies.set(titleOf(best));
}

// Adds the title to a movie that comes from an address, which has its id only.
async function withTitle(chosen) {
  if (chosen.title !== null) return chosen;
  const found = await movieById(chosen.movie_id).catch(() => chosen);
  if (movie === chosen) {
    movie = found;
    if (movies.input.value === chosen.movie_id) movies.set(titleOf(found));
  }
  return found;
}

function update() {
  isExample = false;
  changed(state());
  refresh();
}

function refresh() {
  if (!isExample && !(user && movie)) {
    reset(result, hint(user ? `Now choose the ${item}.` : movie ? "Now choose a user." : `Choose a user and one of the ${items}.`));
    return;
  }
  show(result, "Requesting predictions", async () => {
    if (!movie) await chooseExample();
    if (!movie) return [hint(`Choose a user and one of the ${items}.`)];
    const [chosen, rater] = [movie, user];
    const pair = { user_id: rater, movie_id: chosen.movie_id };
    const [{ predictions: all }, named, { total, items: [given] }, { models, preferred }] = await Promise.all(
      // The actual rating is optional: if it cannot be loaded, the predictions are shown without it.
      [get("compare", { ...pair, interval: INTERVAL, distribution: true }), withTitle(chosen), get("ratings", { ...pair, model: await leader() }).catch(() => ({ total: null, items: [] })), group()]);
    const byModel = new Map(all.map((one) => [one.model, one]));
    const predictions = models.map(({ name }) => byModel.get(name)).filter(Boolean);
    return [card({ named, rater, given: given?.rating ?? null, isUnrated: total !== null && !given, predictions, preferred, model: models[0] }), nextSteps(rater, predictions[0].known_user)];
  });
}

function card({ named, rater, given, isUnrated, predictions, preferred, model }) {
  const [first] = predictions;
  const warm = predictions.filter((one) => one.known_user && one.known_movie);
  const isCold = !warm.includes(first);
  const title = titleOf(named);
  const ratings = warm.map((one) => one.rating);
  const spread = Math.max(...ratings) - Math.min(...ratings);
  return h("div", { className: "card answer" },
    isExample ? h("p", { className: "eyebrow" }, `An example: the user with the most ratings, and a ${item} for them`) : null,
    h("h3", {}, `${title}, as ${userName(rater)} would rate it`),
    h("p", { className: "figure" }, stars(first.rating)),
    h("p", { className: "sentence" }, isCold ? coldSentence(first, rater, title) : `The model ${first.model} predicts that ${userName(rater)} would give ${title} ${first.rating.toFixed(1)} out of ${model.rating_scale.high}. `
      + `Its predictions are off by ${model.accuracy.mae.toFixed(2)} on average, as measured on ${model.accuracy.test_rows.toLocaleString("en")} ratings that it had not seen.`),
    first.stars ? h("p", { className: "note" }, likelySentence(first)) : null,
    isUnrated ? h("p", {}, badge("Not rated by this user")) : null,
    warm.length > (isCold ? 0 : 1) || given !== null ? h("section", { ariaLabel: "Every model" },
      h("h4", {}, warm.length > 1 ? "What each model predicts" : "Prediction and rating", warm.length > 1 ? h("span", { className: "note" }, ` They differ by up to ${spread.toFixed(2)}.`) : null),
      h("ul", { className: given === null ? "predictions" : "predictions beside-given" },
        given === null ? null : h("li", { className: "given" }, h("span", { className: "name" }, "Actual rating"), meter(given), ratingOf(given)),
        ...warm.map((one) => h("li", {},
          h("span", { className: "name" }, ...modelName(one.model, preferred)), meter(one.rating, given, one), ratingOf(one.rating),
          given === null ? null : difference(one.rating - given))))) : null);
}

function difference(error) {
  return h("span", { className: "off" }, `${error < 0 ? "−" : "+"}${Math.abs(error).toFixed(2)}`,
    h("span", { className: "visually-hidden" }, " from the actual rating"));
}

// The two most likely ratings, or the only one that is, and the interval. Scales of many steps have the interval alone.
function likelySentence({ stars: all, low, high }) {
  const [best, next] = [...all].sort((one, other) => other.p - one.p);
  const most = next && next.p > best.p / 2 ? [best, next] : [best];
  const named = most.map((one) => one.rating).sort((one, other) => one - other).join(" or ");
  const interval = `${percent(INTERVAL)} interval (the line in the bar): ${low} to ${high}.`;
  return hasStars ? `Most likely ${named}, with a probability of ${percent(most.reduce((sum, one) => sum + one.p, 0))}. ${interval}` : interval;
}

// Why there is only an estimate. Models estimate by damped means or by biases, so it is no exact average.
function coldSentence({ known_user: knowsUser, known_movie: knowsMovie }, rater, title) {
  const isUser = `${capitalised(userName(rater))} has no rating in the training data`;
  const isMovie = `${title} has no rating in the training data`;
  if (!knowsUser && !knowsMovie) return `Neither ${userName(rater)} nor ${title} has a rating in the training data, so this is only what an average user gives an average ${item}.`;
  return knowsUser ? `${isMovie}, so this is only what ${userName(rater)} gives an average ${item}.` : `${isUser}, so this is only what an average user gives this ${item}.`;
}

function nextSteps(rater, isKnown) {
  const link = (search, text) => h("li", {}, h("a", { href: `?${new URLSearchParams(search)}` }, text));
  return h("nav", { className: "next", ariaLabel: "Next" }, h("ul", { className: "facts" },
    isKnown ? link({ view: "recommend", user: rater }, `What else would ${userName(rater)} like?`) : "",
    link({ view: "new-user" }, `Rate a few ${items} yourself`),
    link({ view: "models" }, "How good are these models?")));
}
