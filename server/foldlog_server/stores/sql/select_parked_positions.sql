SELECT position
FROM parked
WHERE collection = ? AND id = ?
ORDER BY position
LIMIT ?
