"""The engines behind the port `log.event_store`, which all pass one suite: `tests/contract`."""
