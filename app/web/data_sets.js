// The data set whose models the page shows. A store may have models of several: a user id then means another
// person in each, and errors on different test ratings cannot be compared.

import { models } from "./api.js";

// The name of the data set; that of the default model if empty. A choice loads the page anew, so that no view keeps a
// user of another data set.
const chosen = new URLSearchParams(location.search).get("data") ?? "";

// The models of every data set, the data set of the default model first: [{name, models}]. In each, the default model
// comes first, then the others from the most accurate to the least. `lead` is the first.
export async function groups() {
  const { models: described, default: preferred } = await models();
  const isDefault = (model) => Number(model.name === preferred);
  const found = Map.groupBy(described, (model) => model.accuracy.dataset);
  return [...found].map(([name, members]) => ({
    name, preferred, models: members.toSorted((one, other) => isDefault(other) - isDefault(one) || one.accuracy.mse - other.accuracy.mse),
  })).sort((one, other) => isDefault(other.models[0]) - isDefault(one.models[0]));
}

// The models of the chosen data set.
export async function group() {
  const found = await groups();
  return found.find(({ name }) => name === chosen) ?? found[0];
}

// The name of the model whose predictions are shown first.
export async function leader() {
  return (await group()).models[0].name;
}

// The data set for the address.
export const state = () => chosen;

// Fills the list of data sets; it stays hidden if there is only one.
export async function start(field) {
  const found = await groups();
  const list = field.querySelector("select");
  list.replaceChildren(...found.map(({ name }) => new Option(name)));
  list.value = (await group()).name;
  list.addEventListener("change", () => {
    const query = new URLSearchParams(location.search);
    const kept = { view: query.get("view") ?? "", data: list.value === found[0].name ? "" : list.value };
    location.search = new URLSearchParams(Object.entries(kept).filter(([, value]) => value)).toString();
  });
  field.hidden = found.length < 2;
}
