// Scales {low, high}: that of the visitor's ratings may differ from that of the models.

const DEFAULT = { low: 0, high: 5 };

export function isSame(one, other) {
  return one.low === other.low && one.high === other.high;
}

export function isDefault(scale) {
  return isSame(scale, DEFAULT);
}

export function contains({ low, high }, value) {
  return value >= low && value <= high;
}

// Maps ratings linearly between two scales, {toModels(rating), fromModels(rating), ratio}, or null if they are the same.
// `ratio` is the width of the visitor's scale divided by the width of the models' scale.
export function conversion(own, models) {
  if (isSame(own, models)) return null;
  const ratio = (own.high - own.low) / (models.high - models.low);
  const clipped = (rating) => Math.min(models.high, Math.max(models.low, rating));
  return {
    toModels: (rating) => clipped(models.low + (rating - own.low) / ratio),
    fromModels: (rating) => own.low + (rating - models.low) * ratio,
    ratio,
  };
}

export function named({ low, high }) {
  return `${low} to ${high}`;
}
