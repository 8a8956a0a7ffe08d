CREATE TEMP TRIGGER append_type INSTEAD OF INSERT ON appended WHEN NEW.new_type <> 0 BEGIN
    INSERT INTO types (key, name) VALUES (NEW.type, NEW.new_type);
END
