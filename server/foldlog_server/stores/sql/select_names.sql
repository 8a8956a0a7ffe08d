-- {table} is streams or types, read by its keys.
SELECT key, name FROM {table} NOT INDEXED WHERE key > ? ORDER BY key LIMIT ?
