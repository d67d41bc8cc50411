"""Which movies first: how good the order of a ranking is, beside reference rankings."""
