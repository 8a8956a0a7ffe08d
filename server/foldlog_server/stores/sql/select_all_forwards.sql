SELECT position, record, checksum FROM events WHERE position >= ? ORDER BY position LIMIT ?
