"""Stores the log, views and snapshots: engines that keep the promises of `log` and `views`."""
