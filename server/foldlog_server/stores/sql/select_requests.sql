-- {partition} is read in the order of its numbers, a page behind the one before.
SELECT number, key, fingerprint, outcome, checksum FROM {partition} NOT INDEXED
WHERE number > ? ORDER BY number LIMIT ?
