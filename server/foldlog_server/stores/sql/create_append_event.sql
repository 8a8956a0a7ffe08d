CREATE TEMP TRIGGER append_event INSTEAD OF INSERT ON appended WHEN NEW.position <> 0 BEGIN
    INSERT INTO events (position, stream, version, type, record, checksum, chain)
    VALUES (NEW.position, NEW.stream, NEW.version, NEW.type, NEW.record, NEW.checksum, NEW.chain);
END
