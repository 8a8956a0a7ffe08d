-- Streams are numbered, because text names in the index of the events cost a third of the append rate.
CREATE TABLE streams (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
)
