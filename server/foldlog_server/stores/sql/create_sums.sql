-- What the index of `part` comes to over the rows 1 to `last`: a row for `events`, and one for each table of request
-- records. The writer works it out from what it stores, and never from the index.
CREATE TABLE sums (
    part TEXT NOT NULL,
    last INTEGER NOT NULL,
    sum INTEGER NOT NULL
)
