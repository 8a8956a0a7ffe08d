SELECT collection, id, position, error, checksum
FROM parked
ORDER BY collection, id, position
