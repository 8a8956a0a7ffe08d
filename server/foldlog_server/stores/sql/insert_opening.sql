INSERT INTO openings (position, run, time) VALUES (?, ?, ?)
