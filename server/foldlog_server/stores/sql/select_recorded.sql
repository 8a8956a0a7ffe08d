SELECT key FROM requests WHERE key IN ({rows})
