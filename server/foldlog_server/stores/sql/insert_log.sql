INSERT INTO log (log_id, made_time) VALUES (?, ?)
