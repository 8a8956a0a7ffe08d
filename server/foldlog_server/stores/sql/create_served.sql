-- One row. nanoseconds: how long the log has been served, which is the time by which request ids expire.
-- settled: no later event is recorded before this time, because a client has been answered about the time before it.
CREATE TABLE served (
    nanoseconds INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
)
