-- Where each opening for writing began: events after `position`, up to that of the next row, belong to its run.
CREATE TABLE openings (
    position INTEGER NOT NULL,
    run BLOB NOT NULL,
    time INTEGER NOT NULL
)
