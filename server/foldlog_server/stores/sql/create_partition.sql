-- {partition} is named after the time until which it takes records.
CREATE TABLE {partition} (
    key BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    outcome TEXT NOT NULL
) WITHOUT ROWID
