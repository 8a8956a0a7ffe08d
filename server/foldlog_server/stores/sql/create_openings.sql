-- Where each opening for writing began: what is stored after `position`, up to the next row's, is of that run.
CREATE TABLE openings (
    position INTEGER NOT NULL,
    run BLOB NOT NULL,
    time INTEGER NOT NULL
)
