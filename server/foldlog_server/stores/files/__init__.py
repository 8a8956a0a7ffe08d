"""The files of a data directory as the operating system sees them: locks, modes, states and bytes."""
