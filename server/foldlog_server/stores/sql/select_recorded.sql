-- With as many marks as there are keys.
SELECT key FROM requests WHERE key IN ({marks})
