"""Read files of many layouts into one table of text columns."""
