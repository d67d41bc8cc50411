"""From ids to ratings: scorers, the engines behind them, and the registry that holds them by name."""
