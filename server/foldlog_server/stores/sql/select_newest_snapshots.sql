SELECT stream, kind, version, position, time, event_id, crc, state FROM snapshots
WHERE rowid IN (SELECT rowid FROM snapshots ORDER BY position DESC LIMIT 10)
ORDER BY position DESC
