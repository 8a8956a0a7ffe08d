SELECT name, key FROM types NOT INDEXED
