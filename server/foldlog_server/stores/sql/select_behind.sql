-- By position and key alone: what no index has a part in.
SELECT position, stream, version, (SELECT name FROM streams WHERE key = events.stream)
FROM events NOT INDEXED WHERE position > ? ORDER BY position
