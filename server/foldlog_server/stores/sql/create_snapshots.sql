CREATE TABLE IF NOT EXISTS snapshots (
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    time INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    crc INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (stream, kind, version)
)
