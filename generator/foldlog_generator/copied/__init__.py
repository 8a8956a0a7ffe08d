"""Modules that the generated code has as they are; the generator copies their text."""
