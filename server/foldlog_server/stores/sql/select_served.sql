SELECT nanoseconds, settled FROM served
