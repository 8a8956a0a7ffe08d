"""Inventory: what can be asked of stock, what can happen to it, what is shown of it."""
