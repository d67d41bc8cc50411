"""What each byte buys: a grid of models on one split, its table, and its pictures."""
