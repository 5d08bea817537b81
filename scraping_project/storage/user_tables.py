"""Tables that are not of this project: a spider's own."""

from sqlalchemy import Engine, Table
from sqlalchemy.schema import CreateTable

from scraping_project.storage.migrate import lock, patiently_writing
from scraping_project.storage.tables import INNODB


def create(engine: Engine, table: Table) -> None:
    """Makes the table and its missing indexes; any number of processes may do so at once.

    On MySQL its texts are compared byte by byte, as on SQLite, unless it names a charset or collation.

    Raises:
        DatabaseUnavailable: The database does not answer, or another process makes a table for too long.
        StorageError: The table or an index cannot be made as it is.
    """
    if not any("char" in option or "coll" in option for option in table.dialect_kwargs):
        # Most servers' default ignores case and accents: two keys would be one.
        table.dialect_kwargs.update({name: INNODB[name] for name in ("mysql_charset", "mysql_collate")})
    # MySQL has no CREATE INDEX IF NOT EXISTS, so one process at a time looks and makes.
    with lock(engine), patiently_writing(engine) as connection:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
