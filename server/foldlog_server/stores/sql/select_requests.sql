-- {partition} is read page by page in the order of its numbers.
SELECT number, key, fingerprint, outcome, checksum FROM {partition} NOT INDEXED
WHERE number > ? ORDER BY number LIMIT ?
