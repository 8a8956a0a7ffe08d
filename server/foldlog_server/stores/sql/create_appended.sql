-- One row for each event, with the names that it is the first to use, and one for each request. Columns that a
-- row does not use are 0. `checksum` is that of the event or of the request.
CREATE TEMP VIEW appended AS SELECT
    NULL AS position, NULL AS stream, NULL AS version, NULL AS type,
    NULL AS record, NULL AS checksum, NULL AS chain,
    NULL AS new_stream, NULL AS new_type,
    NULL AS number, NULL AS key, NULL AS fingerprint, NULL AS outcome
