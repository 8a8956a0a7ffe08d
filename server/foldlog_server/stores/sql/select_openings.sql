SELECT position, run, time FROM openings ORDER BY rowid
