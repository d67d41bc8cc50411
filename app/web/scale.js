// The scale of all ratings, from the service.

const data = document.documentElement.dataset;

export const low = Number(data.low);
export const high = Number(data.high);
export const range = `${low} to ${high}`;
// What follows a rating: "7.5 of 10".
export const outOf = low < 0 ? `on ${range}` : `of ${high}`;

// More choices than this are too many for a list; then there are twenty steps, as for continuous ratings.
const MOST_STEPS = 50;
const observed = Number(data.step);
export const step = observed && (high - low) / observed <= MOST_STEPS ? observed : (high - low) / 20;

// The ratings to choose from, the highest first.
export const choices = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, place) => Number((high - place * step).toFixed(6)));

// The place of a rating on the scale, from 0 to 1.
export function share(rating) {
  return (rating - low) / (high - low);
}

// Whether the choices can be stars: whole or half ones, on a scale of at most ten steps.
const MOST_STARS = 10;
export const hasStars = (step === 1 || step === 0.5) && low >= 0 && low <= 1 && Number.isInteger(high) && choices.length <= MOST_STARS + 1;
