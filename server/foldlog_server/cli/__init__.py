"""The `foldlog` command: a module for each group of commands, `main` runs them."""
