DELETE FROM sums WHERE part = ?
