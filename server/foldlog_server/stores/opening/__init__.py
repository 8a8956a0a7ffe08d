"""The checks before a log is opened: paths, rights, and whether acknowledged events are missing."""
