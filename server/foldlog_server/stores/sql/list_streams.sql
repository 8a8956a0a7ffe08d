-- Reads the table in the order of its keys.
SELECT key, name FROM streams NOT INDEXED ORDER BY key
