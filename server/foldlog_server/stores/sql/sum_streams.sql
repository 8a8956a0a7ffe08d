-- Reads only the index. One row for each stream: its entries, its first and last version, and its sum. The
-- constants are those of index_sums.py.
SELECT
    stream, count(*), min(version), max(version),
    sum(
        (stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647
        * ((stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647) % 2147483647
    )
FROM events INDEXED BY events_by_stream GROUP BY stream
