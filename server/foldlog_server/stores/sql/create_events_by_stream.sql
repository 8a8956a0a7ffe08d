CREATE UNIQUE INDEX events_by_stream ON events (stream, version)
