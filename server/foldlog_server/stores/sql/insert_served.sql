INSERT INTO served (nanoseconds) VALUES (?)
