CREATE TEMP TRIGGER append_stream INSTEAD OF INSERT ON appended WHEN NEW.new_stream <> 0 BEGIN
    INSERT INTO streams (key, name) VALUES (NEW.stream, NEW.new_stream);
END
