SELECT position, stream, version, type, iif(typeof(record) = 'blob', record, NULL), checksum, chain,
    (SELECT name FROM streams WHERE key = events.stream)
FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?
