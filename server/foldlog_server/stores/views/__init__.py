"""Keeps the documents of views in SQLite files, which can be deleted and rebuilt from the log."""
