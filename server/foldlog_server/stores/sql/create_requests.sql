-- {partitions} selects from every live partition, newest first.
CREATE VIEW requests AS {partitions}
