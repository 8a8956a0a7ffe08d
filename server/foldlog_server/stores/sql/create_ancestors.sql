-- The logs with which this one shares its history up to a position, oldest first. It diverged from them by a
-- restore, an import, or an accepted loss.
CREATE TABLE ancestors (
    log_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    chain BLOB NOT NULL,
    left_time INTEGER NOT NULL,
    cause TEXT NOT NULL
)
