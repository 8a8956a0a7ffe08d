SELECT max(key) FROM streams
