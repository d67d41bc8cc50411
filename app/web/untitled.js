// Movies without a title. They are kept out of suggestions and lists unless the visitor asks for them, or the store
// has titles for less than half of its best known movies.

import { movies } from "./catalogue.js";

const ROUNDS = 4; // most requests for a list without them
let shown = false;
let titles = null;

// Whether the store has titles.
export function hasTitles() {
  titles ??= movies({ limit: 100 })
    .then(({ items }) => items.filter((movie) => movie.title).length >= items.length / 2)
    .catch((error) => {
      titles = null;
      throw error;
    });
  return titles;
}

export const state = () => shown;

export function choose(show) {
  shown = show;
}

// The movies of `items` to suggest; a movie whose id was typed is among them in any case.
export async function listed({ items }, typed = "") {
  if (shown || !(await hasTitles())) return items;
  return items.filter((movie) => movie.title || movie.movie_id === typed || movie.movie_id.endsWith(`_${typed}`));
}

// The response of `ask(exclude)` with as many movies as wanted, and in `hidden` how many were left out.
export async function listOf(ask) {
  const left = [];
  let found = await ask(left);
  if (shown || !(await hasTitles())) return { ...found, hidden: 0 };
  for (let round = 1; round < ROUNDS && found.items.some((movie) => !movie.title); round += 1) {
    left.push(...found.items.filter((movie) => !movie.title).map((movie) => movie.movie_id));
    found = await ask(left);
  }
  const items = found.items.filter((movie) => movie.title);
  return { ...found, items, hidden: left.length + found.items.length - items.length };
}
