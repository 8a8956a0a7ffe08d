SELECT last, sum FROM sums WHERE part = ?
