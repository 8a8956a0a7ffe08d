SELECT position, record, checksum, chain FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?
