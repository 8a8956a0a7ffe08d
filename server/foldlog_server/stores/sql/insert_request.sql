INSERT INTO {partition} (key, fingerprint, outcome) VALUES (?, ?, ?)
