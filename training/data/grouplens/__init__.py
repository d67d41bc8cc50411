"""Downloads data sets from GroupLens."""
