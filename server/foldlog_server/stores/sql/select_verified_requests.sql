-- As select_requests, but a value whose stored type has changed is returned as NULL.
SELECT number, iif(typeof(key) = 'blob', key, NULL), iif(typeof(fingerprint) = 'blob', fingerprint, NULL),
    iif(typeof(outcome) = 'text', outcome, NULL), checksum
FROM {partition} NOT INDEXED WHERE number > ? ORDER BY number LIMIT ?
