"""The SQL of the stores: a statement a file, in `sql/`."""

from importlib.resources import files


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("foldlog_server.stores").joinpath("sql", f"{name}.sql").read_text("utf-8").strip()
