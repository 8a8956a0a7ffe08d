UPDATE served SET nanoseconds = ?
