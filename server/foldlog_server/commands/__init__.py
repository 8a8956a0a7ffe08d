"""From a command to an append: which streams it is decided on, in what order, and what becomes of it."""
