SELECT chain FROM events WHERE position = ?
