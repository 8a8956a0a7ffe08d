"""The log's promise and its bytes: events, streams, positions and subscriptions."""
