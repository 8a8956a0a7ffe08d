-- One row: which log this is.
CREATE TABLE log (
    log_id TEXT NOT NULL,
    made_time INTEGER NOT NULL
)
