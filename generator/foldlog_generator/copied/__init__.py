"""Modules that the generator copies into the generated code unchanged."""
