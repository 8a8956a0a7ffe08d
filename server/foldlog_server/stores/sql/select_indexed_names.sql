-- {table} is streams or types, read by the index of its names.
SELECT name, key FROM {table} INDEXED BY sqlite_autoindex_{table}_1 WHERE name > ? ORDER BY name LIMIT ?
