"""The documents of views in SQLite: files that can be thrown away."""
