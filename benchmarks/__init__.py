"""One command per figure; README.md describes each figure."""
