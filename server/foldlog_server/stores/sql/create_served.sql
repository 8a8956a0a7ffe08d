-- One row: how long the log has been served, in nanoseconds: the time by which request ids are forgotten.
CREATE TABLE served (
    nanoseconds INTEGER NOT NULL
)
