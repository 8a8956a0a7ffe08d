"""From documents to answers: how fresh they are, in which pages, and what changes afterwards."""
