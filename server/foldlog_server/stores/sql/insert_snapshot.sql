INSERT OR REPLACE INTO snapshots (stream, kind, version, position, time, event_id, crc, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
