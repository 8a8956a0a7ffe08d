-- {partition} has format 1, and is read page by page in the order of its keys.
SELECT key, fingerprint, outcome FROM {partition} WHERE key > ? ORDER BY key LIMIT ?
