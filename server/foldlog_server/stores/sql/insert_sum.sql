INSERT INTO sums (part, last, sum) VALUES (?, ?, ?)
