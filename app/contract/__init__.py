"""What callers rely on: errors, problems, ids and schemas."""
