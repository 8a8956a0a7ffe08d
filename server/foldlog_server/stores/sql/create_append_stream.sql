CREATE TEMP TRIGGER append_stream INSTEAD OF INSERT ON appended WHEN NEW.new_stream IS NOT NULL BEGIN
    INSERT INTO streams (key, name) VALUES (NEW.stream, NEW.new_stream);
END
