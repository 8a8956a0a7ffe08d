SELECT position, stream, version, type, record, checksum, chain,
    (SELECT name FROM streams WHERE key = events.stream)
FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?
