SELECT key, (SELECT max(version) FROM events WHERE stream = streams.key) FROM streams WHERE name = ?
