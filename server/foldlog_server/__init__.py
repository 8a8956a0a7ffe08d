"""Foldlog: an event-sourced CQRS backend served over gRPC."""

__version__ = "0.1.0"
