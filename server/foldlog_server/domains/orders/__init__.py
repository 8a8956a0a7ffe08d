"""Orders: what can be asked of one, what can happen to it, what is shown of it."""
