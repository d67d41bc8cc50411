"""The teacher: Bayesian matrix factorisations, an autoencoder, and their blend."""
