"""The read models of orders."""
