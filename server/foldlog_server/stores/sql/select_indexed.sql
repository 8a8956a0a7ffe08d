-- Reads only the index, to compare it with what a read by position returns.
SELECT stream, version, position FROM events INDEXED BY events_by_stream
WHERE (stream, version) > (?, ?) ORDER BY stream, version LIMIT ?
