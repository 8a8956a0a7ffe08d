DELETE FROM parked WHERE collection = ? AND id = ? AND position <= ?
