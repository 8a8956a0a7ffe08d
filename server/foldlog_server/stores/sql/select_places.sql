SELECT position, stream, version FROM events NOT INDEXED WHERE position > ? ORDER BY position LIMIT ?
