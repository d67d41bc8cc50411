"""One command a figure; README.md beside this says what each figure means."""
