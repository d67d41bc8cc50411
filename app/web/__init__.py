"""The page: its static files, and the module that loads them."""
