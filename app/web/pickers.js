// Fields to choose a user or a movie.

import { get } from "./api.js";
import { movies } from "./catalogue.js";
import { combobox } from "./combobox.js";
import { leader } from "./data_sets.js";
import { h, movieLabel, titleOf } from "./dom.js";
import { listed } from "./untitled.js";

// Calls `choose(id)`, or `fail(error)` if no random user can be loaded.
export function userPicker(choose, fail) {
  const random = h("button", { type: "button", className: "secondary" }, "Random");
  const picker = combobox({
    label: "User",
    placeholder: "An id, such as 1",
    search: async (q) => (await get("users", { q, limit: 8, model: await leader() })).items,
    describe: (id) => [id],
    text: (id) => id,
    free: (id) => id,
    choose,
    extra: [random],
  });
  // Typing or choosing another user cancels the random one.
  let run = 0;
  picker.element.addEventListener("input", () => { run += 1; });
  picker.element.addEventListener("keydown", ({ key }) => { if (key === "Enter") run += 1; });
  random.addEventListener("click", async () => {
    const asked = (run += 1);
    random.disabled = true;
    try {
      const [id] = (await get("users", { order: "random", limit: 1, model: await leader() })).items;
      if (run !== asked) return;
      picker.set(id);
      choose(id);
    } catch (error) {
      if (run === asked) fail(error);
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
    search: async (q) => (await listed(await movies({ q, limit: 60 }), q)).slice(0, 8),
    describe: (movie) => movieLabel(movie),
    text: titleOf,
    choose,
  });
}
