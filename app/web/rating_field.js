// A field for a rating: stars to click, a radio group for the keyboard; a list where stars would be too many.

import { h } from "./dom.js";
import { choices, hasStars, high, low, outOf, step } from "./scale.js";

let count = 0;

// `choose(rating)` is called with each choice; `rating` is the one that is shown, or null.
export function ratingField(title, rating, choose) {
  return hasStars ? starsOf(title, rating, choose) : listOf(title, rating, choose);
}

function starsOf(title, rating, choose) {
  const name = `stars-${(count += 1)}`;
  // Each star has one radio button, or two for halves; the lowest rating has a star only if it is above 0.
  return h("div", { className: "star-field", role: "radiogroup", ariaLabel: `Rating of ${title}` },
    ...choices.toReversed().map((value) => h("label", { className: value === 0 ? "zero" : step < 1 ? (value % 1 ? "left" : "right") : "whole", title: `${value} ${outOf}` },
      h("input", { type: "radio", name, value, checked: value === rating, ariaLabel: `${value} ${outOf}`, onchange: () => choose(value) }),
      h("span", { ariaHidden: "true" }, value === 0 ? "or 0" : "★"))));
}

function listOf(title, rating, choose) {
  return h("select", { ariaLabel: `Rating of ${title}`, onchange: (event) => { if (event.target.value) choose(Number(event.target.value)); } },
    h("option", { value: "", selected: rating === null }, `Rate from ${low} to ${high}`),
    ...choices.map((value) => h("option", { value, selected: value === rating }, low < 0 ? value : `${value} ${outOf}`)));
}
