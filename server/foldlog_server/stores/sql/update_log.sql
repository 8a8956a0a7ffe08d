UPDATE log SET log_id = ?
