SELECT position, error, checksum
FROM parked
WHERE collection = ? AND id = ?
ORDER BY position
LIMIT ?
