UPDATE served SET settled = ?
