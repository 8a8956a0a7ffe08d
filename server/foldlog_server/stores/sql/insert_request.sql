INSERT INTO {partition} (number, key, fingerprint, outcome, checksum) VALUES (?, ?, ?, ?, ?)
