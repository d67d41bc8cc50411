// The API key, where the service asks for one: asked for once, and kept as long as the tab.

import { h } from "./dom.js";

const PLACE = "api-key";
let asking = null;

// Like `fetch`, with the key. A call that is refused without one is sent again with the one that is typed in.
export async function fetchWithKey(path, options = {}) {
  const key = sessionStorage.getItem(PLACE);
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  const response = await fetch(path, { ...options, headers });
  if (response.status !== 401) return response;
  // Calls that were refused at the same time wait for the same answer.
  if (sessionStorage.getItem(PLACE) === key) await (asking ??= ask(key !== null).finally(() => { asking = null; }));
  return sessionStorage.getItem(PLACE) === key ? response : fetchWithKey(path, options);
}

async function ask(again) {
  const input = h("input", { id: "api-key", type: "password", required: true, autocomplete: "current-password",
    pattern: "[A-Za-z0-9._~+\\/\\-]+=*", title: "Letters, digits and ._~+/-= only" });
  const dialog = h("dialog", { className: "panel", ariaLabel: "API key" }, h("form", { method: "dialog" },
    h("p", {}, again ? "The service does not know that key." : "This service asks for an API key."),
    h("div", { className: "field" }, h("label", { htmlFor: input.id }, "API key"), input),
    h("p", {}, h("button", { className: "primary", value: "send" }, "Continue"))));
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve));
  dialog.remove();
  if (dialog.returnValue === "send") sessionStorage.setItem(PLACE, input.value);
}
