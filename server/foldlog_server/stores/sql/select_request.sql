SELECT fingerprint, outcome, checksum FROM requests WHERE key = ? LIMIT 1
