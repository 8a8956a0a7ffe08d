SELECT version, record FROM events
WHERE stream = (SELECT key FROM streams WHERE name = ?) AND version BETWEEN ? AND ? ORDER BY version
