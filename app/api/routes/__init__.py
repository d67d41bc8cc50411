"""The calls, one file for each kind. A handler takes typed input, makes one call and returns."""
