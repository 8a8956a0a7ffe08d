-- A row for each event, with the names that it is the first to bring; and one for each request. What a row
-- has not is 0. `checksum` is the event's or the request's.
CREATE TEMP VIEW appended AS SELECT
    NULL AS position, NULL AS stream, NULL AS version, NULL AS type,
    NULL AS record, NULL AS checksum, NULL AS chain,
    NULL AS new_stream, NULL AS new_type,
    NULL AS number, NULL AS key, NULL AS fingerprint, NULL AS outcome
