"""A small shop, from an empty directory, that explains what happens."""
