DELETE FROM snapshots WHERE kind NOT IN ({kinds})
