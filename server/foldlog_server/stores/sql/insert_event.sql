INSERT INTO events (position, stream, version, type, record, checksum, chain) VALUES (?, ?, ?, ?, ?, ?, ?)
