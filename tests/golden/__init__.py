"""What others rely on, kept as files, and the command that renews them."""
