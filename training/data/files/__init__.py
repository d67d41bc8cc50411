"""Read files of many layouts into one table of text columns.

`columns` has the words of headers, `layouts` the delimiters and layouts, `plain_file` the compressions and
encodings; `sources` reads the rows.
"""
