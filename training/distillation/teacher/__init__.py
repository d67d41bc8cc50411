"""The teacher: Bayesian factorisations, an autoencoder, and their blend."""
