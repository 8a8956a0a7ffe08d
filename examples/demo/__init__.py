"""A small shop from an empty directory, telling what happens."""
