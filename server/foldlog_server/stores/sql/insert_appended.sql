INSERT INTO appended VALUES {rows}
