"""From the log to documents: each event applied once, in order, in one transaction with the position."""
