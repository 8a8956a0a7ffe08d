-- By position and key only, so that no index is involved.
SELECT position, stream, version, (SELECT name FROM streams WHERE key = events.stream)
FROM events NOT INDEXED WHERE position > ? ORDER BY position
