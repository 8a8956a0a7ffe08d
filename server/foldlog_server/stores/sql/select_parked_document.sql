-- SQLite takes `error` from the row with the smallest position.
SELECT min(position), error, count(*)
FROM parked
WHERE collection = ? AND id = ?
