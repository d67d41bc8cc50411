// Fields to choose a user or a movie.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { h, movieLabel, titleOf } from "./dom.js";

// Calls `choose(id)`, or `fail(error)` if no random user can be loaded.
export function userPicker(choose, fail) {
  const random = h("button", { type: "button", className: "secondary" }, "Random");
  const picker = combobox({
    label: "User",
    placeholder: "An id, such as 1",
    search: async (q) => (await get("users", { q, limit: 8 })).items,
    describe: (id) => [id],
    text: (id) => id,
    free: (id) => id,
    choose,
    extra: [random],
  });
  random.addEventListener("click", async () => {
    random.disabled = true;
    try {
      const [id] = (await get("users", { order: "random", limit: 1 })).items;
      picker.set(id);
      choose(id);
    } catch (error) {
      fail(error);
    } finally {
      random.disabled = false;
    }
  });
  return picker;
}

export function moviePicker(label, choose, placeholder = "Part of a title") {
  return combobox({
    label,
    placeholder,
    search: async (q) => (await get("movies", { q, limit: 8 })).items,
    describe: (movie) => movieLabel(movie),
    text: titleOf,
    choose,
  });
}
