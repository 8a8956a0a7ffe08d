-- The logs whose history this one has up to a position, in the order in which it left them: by a restore, an
-- import, or an accepted loss.
CREATE TABLE ancestors (
    log_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    chain BLOB NOT NULL,
    left_time INTEGER NOT NULL,
    cause TEXT NOT NULL
)
