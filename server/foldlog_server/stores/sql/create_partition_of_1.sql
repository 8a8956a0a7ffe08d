-- As in format 1.
CREATE TABLE {partition} (
    key BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    outcome TEXT NOT NULL
) WITHOUT ROWID
