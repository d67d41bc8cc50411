"""Download data sets from GroupLens."""
