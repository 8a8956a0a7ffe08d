"""Turns the log into documents: each event is applied once, in order, in one transaction with the
position."""
