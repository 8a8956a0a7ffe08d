SELECT version, position, time, event_id, crc, state
FROM snapshots
WHERE stream = ? AND kind = ? AND version <= ? AND position <= ? AND time <= ?
ORDER BY version DESC
LIMIT 1
