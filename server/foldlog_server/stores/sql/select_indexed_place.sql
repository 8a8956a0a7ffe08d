SELECT position FROM events INDEXED BY events_by_stream WHERE stream = ? AND version = ?
