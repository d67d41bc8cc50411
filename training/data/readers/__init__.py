"""Readers of ratings files: the rules for ids, ratings, times and titles.

`ratings` is the entry point. How a file is divided into rows and columns is in `training.data.files`.
"""
