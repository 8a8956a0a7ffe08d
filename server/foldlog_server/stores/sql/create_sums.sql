-- The sum of the index of `part` over the rows 1 to `last`: one row for `events`, and one for each table of request
-- records. The writer computes it from what it stores, never from the index.
CREATE TABLE sums (
    part TEXT NOT NULL,
    last INTEGER NOT NULL,
    sum INTEGER NOT NULL
)
