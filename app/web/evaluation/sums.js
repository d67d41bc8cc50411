// Sums of errors over chunks of ratings.

import { inBlocks } from "../blocks.js";

const USER_GROUPS = [1, 5, 20, 100, 500];

export class Sums {
  // `rows` are all ratings, `described` the models, `movies` the catalogue in order of popularity. `conversion`
  // maps predictions to the scale of the ratings; null if it is the scale of the models.
  constructor(rows, described, movies, keep, conversion) {
    this.conversion = conversion;
    this.names = described.map((model) => model.name);
    this.titles = new Map(movies.map((movie) => [movie.movie_id, movie.title]));
    this.ranks = new Map(movies.map((movie, place) => [movie.movie_id, place + 1]));
    this.keep = keep;
    this.worst = [];
    this.totals = new Map(this.names.map((name) => [name, { squares: 0, distance: 0, rows: 0, cold: 0, warmSquares: 0 }]));
    this.counts = new Map();
    for (const { user_id: user } of rows) this.counts.set(user, (this.counts.get(user) ?? 0) + 1);
    const sizes = inBlocks(described)?.popularity.movie_blocks
      ?? [0.1, 0.3, 0.6].map((share) => Math.ceil(share * movies.length));
    this.ends = sizes.map((_, place) => sizes.slice(0, place + 1).reduce((sum, size) => sum + size));
    this.byBlock = this.group([...this.ends.map((end, place) => `${(this.ends[place - 1] ?? 0) + 1}–${end}`), "unknown"]);
    this.byUser = this.group(USER_GROUPS.map((from, place) => (USER_GROUPS[place + 1] ? `${from}–${USER_GROUPS[place + 1] - 1}` : `${from} or more`)));
  }

  group(labels) {
    return { labels, rows: labels.map(() => 0), squares: new Map(this.names.map((name) => [name, labels.map(() => 0)])) };
  }

  // Adds the response of `/compare` for `chunk`.
  add(chunk, { pairs, models }) {
    pairs.forEach(({ user_id, movie_id, ratings: predicted }, place) => {
      const ratings = this.converted(predicted);
      const { rating, user_id: written } = chunk[place];
      const rank = this.ranks.get(movie_id) ?? Infinity;
      const end = this.ends.findIndex((one) => rank <= one);
      const block = end < 0 ? this.ends.length : end;
      const count = this.counts.get(written);
      const user = USER_GROUPS.findLastIndex((from) => count >= from);
      this.byBlock.rows[block] += 1;
      this.byUser.rows[user] += 1;
      let distance = 0;
      for (const name of this.names) {
        const error = ratings[name] - rating;
        const total = this.totals.get(name);
        total.squares += error * error;
        total.distance += Math.abs(error);
        this.byBlock.squares.get(name)[block] += error * error;
        this.byUser.squares.get(name)[user] += error * error;
        distance += Math.abs(error);
      }
      this.remember({ user_id, title: this.titles.get(movie_id) ?? movie_id, rating, ratings, error: distance / this.names.length });
    });
    for (const { name, rows, cold_rows: cold, mse_warm: warm } of models) {
      const total = this.totals.get(name);
      total.rows += rows;
      total.cold += cold;
      total.warmSquares += (warm ?? 0) * (this.conversion?.ratio ?? 1) ** 2 * (rows - cold);
    }
  }

  converted(predicted) {
    if (!this.conversion) return predicted;
    return Object.fromEntries(this.names.map((name) => [name, this.conversion.fromModels(predicted[name])]));
  }

  remember(miss) {
    if (this.worst.length === this.keep && miss.error <= this.worst.at(-1).error) return;
    this.worst.push(miss);
    this.worst.sort((one, other) => other.error - one.error);
    this.worst.length = Math.min(this.worst.length, this.keep);
  }

  errors() {
    return this.names.map((name) => {
      const { squares, distance, rows, cold, warmSquares } = this.totals.get(name);
      const mse = squares / rows;
      return { name, mse, rmse: Math.sqrt(mse), mae: distance / rows, rows, cold_rows: cold, mse_warm: rows > cold ? warmSquares / (rows - cold) : null };
    });
  }
}
