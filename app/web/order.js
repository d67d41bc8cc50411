// The order of the best movies: how likely the user is to choose and like them, if the model has a ranking, or the
// predicted rating. Lists of several models are compared by rating, because their rankings are much the same.

export function orderField(field, onChange) {
  const select = field.querySelector("select");
  select.addEventListener("change", onChange);
  return {
    // What an address says of it: nothing of the default.
    state: () => (select.value === "likely" ? "" : select.value),
    open: (value) => { select.value = value === "rating" ? value : "likely"; },
    // The `rank_by` of a request to the models of a data set, the default one first.
    rankBy(models, compared) {
      field.hidden = compared || !models[0].memory.ranking_bytes;
      return field.hidden ? "rating" : select.value;
    },
  };
}
