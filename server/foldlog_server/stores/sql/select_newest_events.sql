SELECT position, record, checksum, chain FROM events
WHERE position > (SELECT max(position) FROM events) - ? ORDER BY position
