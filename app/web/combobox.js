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
  let active = -1;
  let lastRun = 0;
  let timer = 0;

  function close() {
    lastRun += 1;
    clearTimeout(timer);
    options.hidden = true;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
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

  async function suggest() {
    const run = (lastRun += 1);
    try {
      const found = await search(input.value.trim());
      if (run !== lastRun) return;
      items = found;
      open(...(items.length
        ? items.map((item, place) => h("li", {
          id: `${id}-option-${place}`, role: "option", ariaSelected: "false",
          onpointerdown: (event) => event.preventDefault(), onclick: () => pick(item),
        }, ...describe(item)))
        : [h("li", { className: "none", role: "option", ariaDisabled: "true", ariaSelected: "false" }, "Nothing found")]));
    } catch (error) {
      if (run !== lastRun) return;
      items = [];
      open(h("li", { className: "none", role: "option", ariaDisabled: "true", ariaSelected: "false" }, `${error.title}. ${error.message}`));
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, 120);
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
      else if (!options.hidden && items.length) pick(items[0]);
      else suggest();
    } else if (event.key === "Escape" && !options.hidden) {
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
