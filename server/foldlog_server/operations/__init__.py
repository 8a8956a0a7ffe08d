"""What operators do with a data directory: copy its log, check it, and print it."""
