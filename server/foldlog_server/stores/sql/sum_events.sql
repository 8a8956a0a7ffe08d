-- Reads only the table, after one position and up to another. The constants are those of index_sums.py.
SELECT
    count(*),
    ifnull(sum(
        (stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647
        * ((stream * 73244475 + version * 40503263 + position * 26544357) % 2147483647) % 2147483647
    ), 0)
FROM events NOT INDEXED WHERE position > ? AND position <= ?
