// Tabs and addresses: `?view=...` selects the tab, `data` and `untitled` are settings of the page, and the rest of the
// query belongs to the view.

import * as dataSets from "./data_sets.js";
import * as evaluate from "./evaluate.js";
import * as models from "./models.js";
import * as newUser from "./new_user.js";
import * as predict from "./predict.js";
import * as recommend from "./recommend.js";
import * as untitled from "./untitled.js";
import { capitalised, item } from "./words.js";

const views = { predict, recommend, "new-user": newUser, models, evaluate };
const tabs = [...document.querySelectorAll("[role=tab]")];
const untitledBox = document.getElementById("untitled");
const name = (tab) => tab.id.replace("tab-", "");

const address = {
  get: () => new URLSearchParams(location.search),
  // Sets the part of the query that belongs to the view, and adds a history entry if it changes.
  set(view, fields) {
    const query = new URLSearchParams(view === "predict" ? {} : { view });
    const settings = { data: dataSets.state(), untitled: untitled.state() ? "show" : "" };
    for (const [field, value] of Object.entries({ ...fields, ...settings })) if (value) query.set(field, value);
    // `:` and `,` are legal in a query, and are more readable than their escapes.
    const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
    const target = text ? `?${text}` : location.pathname;
    if (target !== (location.search || location.pathname)) history.pushState(null, "", target);
  },
};

function open(wanted, query) {
  const view = wanted in views ? wanted : "predict";
  for (const tab of tabs) {
    const selected = name(tab) === view;
    tab.ariaSelected = String(selected);
    tab.tabIndex = selected ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
    if (selected) tab.scrollIntoView({ block: "nearest", inline: "center" });
    if (selected) document.title = `${tab.textContent} · ${capitalised(item)} ratings`;
  }
  views[view].open(query);
}

for (const [view, module] of Object.entries(views)) {
  const root = document.getElementById(`view-${view}`);
  root.querySelectorAll("form").forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));
  module.start(root, (fields) => address.set(view, fields));
}

// Opens a view by a tab or a link.
function go(view, fields) {
  address.set(view, fields);
  open(view, new URLSearchParams(fields));
}

tabs.forEach((tab, place) => {
  tab.addEventListener("click", () => go(name(tab), views[name(tab)].state?.() ?? {}));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const target = step ? tabs[(place + step + tabs.length) % tabs.length]
      : { Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!target) return;
    event.preventDefault();
    target.focus();
    target.click();
  });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="?"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { view = "predict", ...fields } = Object.fromEntries(new URLSearchParams(link.search));
  go(view, { ...views[view].state?.(), ...fields });
  document.getElementById(`tab-${view}`).focus();
});

untitledBox.addEventListener("change", () => {
  untitled.choose(untitledBox.checked);
  const view = name(tabs.find((tab) => tab.ariaSelected === "true"));
  go(view, views[view].state?.() ?? {});
});
dataSets.start(document.querySelector("[data-sets]")).catch(() => {}); // the view shows the problem

function follow() {
  const query = address.get();
  untitledBox.checked = query.get("untitled") === "show";
  untitled.choose(untitledBox.checked);
  open(query.get("view") ?? "predict", query);
}
addEventListener("popstate", follow);
follow();
