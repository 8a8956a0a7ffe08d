SELECT fingerprint, outcome FROM requests WHERE key = ? LIMIT 1
