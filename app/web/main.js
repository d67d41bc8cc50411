// Tabs and addresses: `?view=...` selects the tab, the rest of the query belongs to the view.

import * as evaluate from "./evaluate.js";
import * as models from "./models.js";
import * as newUser from "./new_user.js";
import * as predict from "./predict.js";
import * as recommend from "./recommend.js";
import { capitalised, item } from "./words.js";

const views = { predict, recommend, "new-user": newUser, models, evaluate };
const tabs = [...document.querySelectorAll("[role=tab]")];
const name = (tab) => tab.id.replace("tab-", "");

const address = {
  get: () => new URLSearchParams(location.search),
  // Sets the part of the query that belongs to the view, and adds a history entry if it changes.
  set(view, fields) {
    const query = new URLSearchParams(view === "predict" ? {} : { view });
    for (const [field, value] of Object.entries(fields)) if (value) query.set(field, value);
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
tabs.forEach((tab, place) => {
  tab.addEventListener("click", () => {
    const fields = views[name(tab)].state?.() ?? {};
    address.set(name(tab), fields);
    open(name(tab), new URLSearchParams(fields));
  });
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

const follow = () => open(address.get().get("view") ?? "predict", address.get());
addEventListener("popstate", follow);
follow();
