SELECT name, key FROM types
