INSERT INTO streams (key, name) VALUES (?, ?)
