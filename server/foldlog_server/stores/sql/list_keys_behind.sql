-- Reads a page of only the index of the keys of {partition}, in its order.
SELECT number, key FROM {partition} INDEXED BY sqlite_autoindex_{partition}_1 WHERE key > ? ORDER BY key LIMIT ?
