CREATE TABLE parked (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (collection, id, position)
) WITHOUT ROWID
