"""The engines behind the port `core.event_store`, which all pass one suite: `tests/contract`."""
