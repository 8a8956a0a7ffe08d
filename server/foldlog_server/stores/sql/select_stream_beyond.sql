SELECT name FROM streams WHERE name > ? ORDER BY name LIMIT 1
