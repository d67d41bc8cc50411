// The movies of the shown data set.

import { get } from "./api.js";
import { leader } from "./data_sets.js";

// The response of `/movies`.
export const movies = async (query) => get("movies", { ...query, model: await leader() });

// The movie with an id as written in an address or by a user: 1193 or movie_1193.
export async function movieById(raw) {
  const { items } = await movies({ q: raw, limit: 100 });
  return items.find((movie) => movie.movie_id === raw || movie.movie_id.endsWith(`_${raw}`))
    ?? { movie_id: raw, title: null, genres: [] };
}
