UPDATE sums SET last = ?, sum = ? WHERE part = ?
