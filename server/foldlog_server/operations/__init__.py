"""What operators do with the files of a log: copies of it, checks of it."""
