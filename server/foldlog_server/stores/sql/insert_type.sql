INSERT INTO types (key, name) VALUES (?, ?)
