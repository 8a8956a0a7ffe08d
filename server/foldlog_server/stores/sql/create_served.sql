-- One row. nanoseconds: how long the log has been served, the time by which request ids are forgotten.
-- settled: what is recorded from now on is recorded at this time or later, for somebody was told what was before it.
CREATE TABLE served (
    nanoseconds INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
)
