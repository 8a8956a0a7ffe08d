-- SQLite takes `error` from the row that has the least position.
SELECT min(position), error, count(*)
FROM parked
WHERE collection = ? AND id = ?
