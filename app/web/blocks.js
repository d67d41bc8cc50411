// Blocks of movies by popularity, of which models with mixed dimensions have several.

// The model with the fewest blocks of movies, if any model has blocks.
export function inBlocks(described) {
  const count = (model) => model.popularity?.movie_blocks?.length ?? 0;
  return described.filter((model) => count(model) > 1).sort((one, other) => count(one) - count(other))[0];
}
