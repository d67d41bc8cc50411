// Takes a file or pasted lines to evaluate. The code that evaluates them is loaded with the first of them.

import { hint, reset, show } from "./dom.js";
import { item } from "./words.js";

let result, columns, file, text, drop;

export function start(root) {
  result = root.querySelector("[data-result]");
  columns = root.querySelector("[data-columns]");
  file = root.querySelector("input[type=file]");
  text = root.querySelector("textarea");
  drop = root.querySelector("[data-drop]");
  root.querySelector("form").addEventListener("submit", () => evaluate(file.files[0] ?? text.value));
  file.addEventListener("change", () => { if (file.files[0]) evaluate(file.files[0]); });
  text.addEventListener("input", () => { file.value = ""; });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", (event) => { if (!drop.contains(event.relatedTarget)) drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [given] = event.dataTransfer.files;
    if (given) evaluate(given);
  });
}

export function open() {
  if (!result.childElementCount) reset(result, hint(`One rating per line: the user, the ${item} and the rating. A header says which column is which; MovieLens files work unchanged.`));
}

function evaluate(given) {
  columns.replaceChildren();
  show(result, "Reading the file", async (progress) => {
    const { Evaluation } = await import("./evaluation/evaluation.js");
    return new Evaluation(columns, result).read(given, progress);
  });
}
