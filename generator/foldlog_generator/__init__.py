"""Generates the typed client of a domain from its protos, and starts projects with a domain of their own."""
