-- The index alone, a row for each stream: how many entries, the first and the last version, and their sum. The
-- numbers are those of index_sums.py.
SELECT
    stream, count(*), min(version), max(version),
    sum(
        (stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647
        * ((stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647) % 2147483647
    )
FROM events INDEXED BY events_by_stream GROUP BY stream
