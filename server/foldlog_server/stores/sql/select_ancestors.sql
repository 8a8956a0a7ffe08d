SELECT log_id, position, chain, left_time, cause FROM ancestors ORDER BY rowid
