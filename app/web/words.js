// What the page calls an item, from the training's `--item-name`: "movie" if nothing else is said.

export const { item, items } = document.documentElement.dataset;

export function capitalised(word) {
  return word[0].toUpperCase() + word.slice(1);
}

// What the page calls a role of a column: `user`, `movie` or `rating`.
export function roleName(role) {
  return role === "movie" ? item : role;
}

// `1 movie`, `2 movies`.
export const counted = (count) => `${count.toLocaleString("en")} ${count === 1 ? item : items}`;

// A share with two digits, such as `62 %` and `0.013 %`.
export const percent = (share) => `${Number((100 * share).toPrecision(2))} %`;

// A user id as it is written in a sentence: `user 1` for `1` and `user_1`.
export const userName = (id) => id.replace(/^(?:user_)?(?=\d+$)/, "user ");
