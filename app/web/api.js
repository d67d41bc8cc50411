// Calls of the API. An error response is thrown with the text of its problem document.

import { fetchWithKey } from "./key.js";

export class Problem extends Error {
  constructor(title, detail, status, fields = {}) {
    super(detail);
    this.title = title;
    this.status = status;
    this.fields = fields;
  }
}

async function call(path, options) {
  let response;
  try {
    // Relative to this script and not to the page, whose address may lack the slash after a path prefix.
    response = await fetchWithKey(new URL(`../${path}`, import.meta.url), options);
  } catch {
    throw new Problem("The service cannot be reached", "Check that it is running, and try again.", 0);
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    // The body is not JSON: report the status only.
  }
  if (!response.ok || body === null) {
    throw new Problem(
      body?.title ?? "Unexpected response from the service",
      body?.detail ?? `The response has status ${response.status}.`, response.status, body ?? {});
  }
  return body;
}

export function get(path, query = {}) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  return call(parameters.size ? `${path}?${parameters}` : path);
}

export function post(path, body) {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

let described = null;

// The response of `/models`, requested once, and again after a failure.
export function models() {
  described ??= get("models").catch((error) => {
    described = null;
    throw error;
  });
  return described;
}
