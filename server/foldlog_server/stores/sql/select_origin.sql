SELECT log_id, made_time FROM log
