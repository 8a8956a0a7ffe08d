"""From a command to an append: which streams decide it, in what order, and what the caller is answered."""
