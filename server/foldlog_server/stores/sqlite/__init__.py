"""Keeps the log in one SQLite file."""
