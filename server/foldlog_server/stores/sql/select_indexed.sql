-- A walk through the index alone: what it says is held against what a walk by position says.
SELECT stream, version, position FROM events INDEXED BY events_by_stream
WHERE (stream, version) > (?, ?) ORDER BY stream, version LIMIT ?
