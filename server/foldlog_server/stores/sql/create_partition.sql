-- {partition} is named after the time until which it takes records. They are numbered 1, 2, 3, … in the order of
-- their inserts: the index of their keys is checked against these numbers.
CREATE TABLE {partition} (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    outcome TEXT NOT NULL,
    checksum INTEGER NOT NULL
)
