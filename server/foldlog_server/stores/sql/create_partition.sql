-- {partition} is named after the time until which it takes records. They are numbered 1, 2, 3, … in the order in
-- which they came: the index of their keys is held against that.
CREATE TABLE {partition} (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    outcome TEXT NOT NULL,
    checksum INTEGER NOT NULL
)
