INSERT INTO ancestors (log_id, position, chain, left_time, cause) VALUES (?, ?, ?, ?, ?)
