"""The first release, as it was: every course counts the same."""
