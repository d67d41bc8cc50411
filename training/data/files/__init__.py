"""From the files that people have to a table of text columns."""
