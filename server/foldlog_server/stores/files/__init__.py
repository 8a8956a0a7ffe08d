"""The files of a data directory, as the operating system has them: nothing here opens a database."""
