-- SQLite takes `error` from the row that has the least position.
SELECT collection, id, min(position), error, count(*)
FROM parked
GROUP BY collection, id
