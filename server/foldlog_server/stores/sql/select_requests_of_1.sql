-- {partition} is of format 1, and read in the order of its keys, a page behind the one before.
SELECT key, fingerprint, outcome FROM {partition} WHERE key > ? ORDER BY key LIMIT ?
