-- {partitions} selects from every partition, newest first.
CREATE VIEW requests AS {partitions}
