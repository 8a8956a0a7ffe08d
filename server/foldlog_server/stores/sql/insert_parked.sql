INSERT OR REPLACE INTO parked (collection, id, position, error) VALUES {rows}
