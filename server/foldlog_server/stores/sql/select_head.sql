SELECT position, chain FROM events WHERE position = (SELECT max(position) FROM events)
