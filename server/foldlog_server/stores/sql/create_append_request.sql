-- {partition} is the newest: made anew with each.
CREATE TEMP TRIGGER append_request INSTEAD OF INSERT ON appended WHEN NEW.key <> 0 BEGIN
    INSERT INTO {partition} (key, fingerprint, outcome) VALUES (NEW.key, NEW.fingerprint, NEW.outcome);
END
