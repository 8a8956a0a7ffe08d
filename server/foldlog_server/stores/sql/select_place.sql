SELECT stream, version FROM events NOT INDEXED WHERE position = ?
