-- {partition} is the newest one: the trigger is created again with each new partition.
CREATE TEMP TRIGGER append_request INSTEAD OF INSERT ON appended WHEN NEW.key <> 0 BEGIN
    INSERT INTO {partition} (number, key, fingerprint, outcome, checksum)
    VALUES (NEW.number, NEW.key, NEW.fingerprint, NEW.outcome, NEW.checksum);
END
