SELECT position, stream, version, type, iif(typeof(record) = 'blob', record, NULL), checksum,
    iif(typeof(chain) = 'blob', chain, NULL),
    (SELECT name FROM streams WHERE key = events.stream)
FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?
