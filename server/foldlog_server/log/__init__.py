"""The log's promise and its bytes: events, streams, positions, and who follows them."""
