SELECT position, version, record, checksum FROM events
WHERE stream = (SELECT key FROM streams WHERE name = ?) AND version >= ? ORDER BY version LIMIT ?
