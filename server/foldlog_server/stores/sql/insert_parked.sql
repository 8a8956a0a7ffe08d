INSERT OR REPLACE INTO parked (collection, id, position, error, checksum) VALUES {rows}
