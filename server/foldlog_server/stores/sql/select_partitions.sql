SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'requests_until_*' ORDER BY name DESC
