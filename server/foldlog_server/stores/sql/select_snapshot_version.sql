SELECT ifnull(max(version), 0)
FROM snapshots
WHERE stream = ? AND kind = ? AND version < ?
