// The API key, if the service requires one: the visitor enters it once, and it is kept until the tab is closed.

import { h } from "./dom.js";

const PLACE = "api-key";
let prompt = null;

// Like `fetch`, with the key. A call that is refused for lack of a valid key is repeated with the key that the visitor enters.
export async function fetchWithKey(path, options = {}) {
  const key = sessionStorage.getItem(PLACE);
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  const response = await fetch(path, { ...options, headers });
  if (response.status !== 401) return response;
  // Calls that were refused at the same time wait for the same dialog.
  if (sessionStorage.getItem(PLACE) === key) await (prompt ??= promptForKey(key !== null).finally(() => { prompt = null; }));
  return sessionStorage.getItem(PLACE) === key ? response : fetchWithKey(path, options);
}

async function promptForKey(again) {
  const input = h("input", { id: "api-key", type: "password", required: true, autocomplete: "current-password",
    pattern: "[A-Za-z0-9._~+\\/\\-]+=*", title: "Letters, digits and ._~+/-= only" });
  const dialog = h("dialog", { className: "panel", ariaLabel: "API key" }, h("form", { method: "dialog" },
    h("p", {}, again ? "This API key is not valid." : "This service requires an API key."),
    h("div", { className: "field" }, h("label", { htmlFor: input.id }, "API key"), input),
    h("p", {}, h("button", { className: "primary", value: "send" }, "Continue"))));
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve));
  dialog.remove();
  if (dialog.returnValue === "send") sessionStorage.setItem(PLACE, input.value);
}
