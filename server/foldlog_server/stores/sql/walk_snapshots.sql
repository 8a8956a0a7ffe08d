SELECT stream, kind, version, position, time, event_id, crc, state FROM snapshots ORDER BY stream, kind, version
