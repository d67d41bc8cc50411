"""From a ratings file to the rows that a model learns from and is judged on."""
