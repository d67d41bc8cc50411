// A text field with suggestions: the ARIA combobox pattern with a list, for keyboard and pointer.

import { h } from "./dom.js";

let count = 0;

// `search(text)` returns items, `describe(item)` their elements and `text(item)` the value of the field.
// `choose(item)` is called with the chosen item. `free(text)`, if given, makes an item of the typed text.
export function combobox({ label, placeholder, search, describe, text, choose, free = null, extra = [] }) {
  const id = `combobox-${(count += 1)}`;
  const options = h("ul", { className: "options", id: `${id}-options`, role: "listbox", ariaLabel: label, hidden: true });
  const input = h("input", {
    id, type: "text", role: "combobox", autocomplete: "off", spellcheck: false, placeholder,
    ariaAutoComplete: "list", ariaExpanded: "false", "aria-controls": options.id,
  });
  let items = [];
  let answered = null; // the text that `items` were found for
  let pending = null; // the search for what is typed
  let active = -1;
  let lastRun = 0;
  let timer = 0;

  // Drops the suggestions, and the answer to a question that is still open.
  function close() {
    lastRun += 1;
    answered = pending = null;
    clearTimeout(timer);
    options.hidden = true;
    input.ariaExpanded = "false";
    for (const name of ["aria-activedescendant", "aria-busy"]) input.removeAttribute(name);
    active = -1;
  }

  function activate(place) {
    active = place;
    [...options.children].forEach((option, index) => {
      if (option.role === "option") option.ariaSelected = String(index === place);
    });
    if (place < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `${id}-option-${place}`);
      options.children[place].scrollIntoView({ block: "nearest" });
    }
  }

  function pick(item) {
    input.value = text(item);
    close();
    choose(item);
  }

  function open(...children) {
    options.replaceChildren(...children);
    options.hidden = false;
    input.ariaExpanded = "true";
    activate(-1);
  }

  // Searches for what is typed. Returns whether that is still wanted when the answer comes.
  const suggest = () => (pending = answer(input.value.trim()));

  async function answer(text) {
    clearTimeout(timer);
    const run = (lastRun += 1);
    let message = "Nothing found";
    try {
      const found = await search(text);
      if (run !== lastRun) return false;
      items = found;
    } catch (error) {
      if (run !== lastRun) return false;
      items = [];
      message = `${error.title}. ${error.message}`;
    }
    input.removeAttribute("aria-busy");
    answered = text;
    open(...(items.length
      ? items.map((item, place) => h("li", {
        id: `${id}-option-${place}`, role: "option", ariaSelected: "false",
        onpointerdown: (event) => event.preventDefault(), onclick: () => pick(item),
      }, ...describe(item)))
      : [h("li", { className: "none", role: "option", ariaDisabled: "true", ariaSelected: "false" }, message)]));
    return true;
  }

  // Chooses the best match of what is typed, when it is known. Typing on or leaving the field cancels that.
  async function pickTyped() {
    const text = input.value.trim();
    if (answered !== text) {
      input.ariaBusy = "true";
      if (!(await (pending ?? suggest()))) return;
    }
    if (text && items.length) pick(items[0]);
  }

  input.addEventListener("input", () => {
    close();
    timer = setTimeout(suggest, 80);
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", suggest);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (options.hidden) suggest();
      else if (items.length) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate(active < 0 && step < 0 ? items.length - 1 : (active + step + items.length) % items.length);
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!options.hidden && active >= 0) pick(items[active]);
      else if (free && input.value.trim()) pick(free(input.value.trim()));
      else pickTyped();
    } else if (event.key === "Escape" && (!options.hidden || pending)) {
      event.preventDefault();
      close();
    }
  });

  const field = h("div", { className: "combobox" }, input, options);
  return {
    element: h("div", {}, h("label", { htmlFor: id }, label),
      extra.length ? h("div", { className: "row" }, field, ...extra) : field),
    input,
    set(value) { input.value = value; },
  };
}
