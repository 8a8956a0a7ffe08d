"""The read models of stock."""
