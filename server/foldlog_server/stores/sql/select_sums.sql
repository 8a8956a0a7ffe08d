SELECT part, last, sum FROM sums ORDER BY rowid
