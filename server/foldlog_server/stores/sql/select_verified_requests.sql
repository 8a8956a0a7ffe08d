-- As select_requests; what is stored as another type than it was written is given as NULL.
SELECT number, iif(typeof(key) = 'blob', key, NULL), iif(typeof(fingerprint) = 'blob', fingerprint, NULL),
    iif(typeof(outcome) = 'text', outcome, NULL), checksum
FROM {partition} NOT INDEXED WHERE number > ? ORDER BY number LIMIT ?
