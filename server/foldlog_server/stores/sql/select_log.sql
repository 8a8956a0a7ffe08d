SELECT log_id FROM log
