-- Reads only the table, in the order of its numbers.
SELECT number, key FROM {partition} NOT INDEXED WHERE number > ? AND number <= ? ORDER BY number
