"""Whether a database is one that rows can be stored in without loss."""

import re
import secrets
from collections.abc import Callable, Iterator

from sqlalchemy import Engine, bindparam, text

from scraping_project.storage.engine import answering_within
from scraping_project.storage.errors import SchemaTooNew, StorageError
from scraping_project.storage.migrate import missing
from scraping_project.storage.tables import INNODB, metadata
from scraping_project.storage.transactions import reading, where, writing
from scraping_project.storage.writing.bulk import packet_bytes

#: Whether it is well, and the line to show.
Finding = tuple[bool, str]

OLDEST = {"SQLite": (3, 35), "MariaDB": (10, 6), "MySQL": (8, 4)}
#: A page with 4 MiB of links fits, whatever has to be escaped.
SMALLEST_PACKET = 16 * 2**20
#: Seconds within which a server says something.
FIRST_ANSWER = 5
#: What a crawl and the migrations do, and the right that each needs.
STEPS = (
    ("CREATE", "CREATE TABLE {name} (id INTEGER PRIMARY KEY, number INTEGER)"),
    ("INSERT", "INSERT INTO {name} (id, number) VALUES (1, 1)"),
    ("SELECT", "SELECT * FROM {name}"),
    ("UPDATE", "UPDATE {name} SET number = 2 WHERE id = 1"),
    ("DELETE", "DELETE FROM {name} WHERE id = 1"),
    ("ALTER", "ALTER TABLE {name} ADD COLUMN more INTEGER"),
    ("INDEX", "CREATE INDEX ix_{name} ON {name} (number)"),
    ("DROP", "DROP TABLE {name}"),
)


def database_answers(engine: Engine) -> None:
    """Raise DatabaseUnavailable, soon, when a server accepts connections and says nothing.

    The engine's own timeouts are longer than any wait for a lock, which a start need not be.
    """
    if engine.dialect.name == "sqlite":
        return
    probe = answering_within(engine, FIRST_ANSWER)
    try:
        with reading(probe):
            return
    finally:
        probe.dispose()


def findings(engine: Engine) -> Iterator[Finding]:
    """Whether each thing is well, and a line that says what to do when it is not.

    Changes nothing but a table of its own, which it makes and drops.
    """
    checks: list[Callable[[Engine], Finding]] = [_version, _rights, _migrations]
    if engine.dialect.name != "sqlite":
        checks += [_charset, _table_charsets, _strict, _packet]
    for check in checks:
        try:
            yield check(engine)
        except StorageError as error:
            yield False, str(error)


def version_text(engine: Engine) -> str:
    """What the database says of its version."""
    function = "sqlite_version()" if engine.dialect.name == "sqlite" else "VERSION()"
    return str(_value(engine, f"SELECT {function}"))


def _version(engine: Engine) -> Finding:
    version = version_text(engine)
    kind = "SQLite" if engine.dialect.name == "sqlite" else "MariaDB" if "MariaDB" in version else "MySQL"
    oldest = ".".join(map(str, OLDEST[kind]))
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers >= OLDEST[kind]:
        return True, f"{kind} {version} ({oldest} or newer)"
    return False, f"{kind} {version} is too old: update it to {oldest} or newer"


def _rights(engine: Engine) -> Finding:
    name = f"doctor_{secrets.token_hex(8)}"
    denied: dict[str, StorageError] = {}
    for right, statement in STEPS:
        try:
            with writing(engine) as connection:
                connection.execute(text(statement.format(name=name)))
        except StorageError as error:
            denied[right] = error
            if right == "CREATE":  # nothing else can be tried
                break
    if not denied:
        return True, "a table can be made, filled, changed and dropped"
    if engine.dialect.name == "sqlite":
        return False, f"{next(iter(denied.values()))}: make the file and its folder writable"
    rights = ", ".join(denied)
    left = f", then drop the table {name}" if "DROP" in denied else ""
    return False, f"{where(engine)}: the user may not {rights}: GRANT {rights} ON it to the user{left}"


def _migrations(engine: Engine) -> Finding:
    try:
        lacking = missing(engine)
    except SchemaTooNew as error:
        return False, str(error)
    if not lacking:
        return True, "all migrations applied"
    if lacking[0] == "0001":
        return True, "no tables yet: the first crawl makes them"
    return False, f"migrations missing: {', '.join(lacking)}: the next crawl or export applies them"


def _charset(engine: Engine) -> Finding:
    charset = _value(engine, "SELECT @@character_set_database")
    if charset == INNODB["mysql_charset"]:
        return True, f"charset {charset}"
    name = engine.url.database
    return False, f"charset {charset} for new tables: ALTER DATABASE {name} CHARACTER SET utf8mb4"


def _table_charsets(engine: Engine) -> Finding:
    collation = INNODB["mysql_collate"]
    query = text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        " AND table_name IN :ours AND table_collation <> :collation ORDER BY table_name"
    ).bindparams(bindparam("ours", expanding=True))
    with reading(engine) as connection:
        wrong = connection.scalars(query, {"ours": list(metadata.tables), "collation": collation}).all()
    if not wrong:
        return True, f"every table of ours has the collation {collation}"
    convert = f"ALTER TABLE {wrong[0]} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"
    return False, f"tables of another collation than {collation}: {', '.join(wrong)}: {convert}, and so on"


def _strict(engine: Engine) -> Finding:
    mode = str(_value(engine, "SELECT @@SESSION.sql_mode"))
    if "STRICT_ALL_TABLES" in mode:
        return True, "strict mode"
    return False, "not in strict mode, though every connection asks for it: let the proxy between pass SET on"


def _packet(engine: Engine) -> Finding:
    with reading(engine) as connection:
        size = packet_bytes(connection)
    if size >= SMALLEST_PACKET:
        return True, f"max_allowed_packet {size:,}"
    advice = f"set it to {SMALLEST_PACKET} or more, pages with many links are refused"
    return False, f"max_allowed_packet {size:,}: {advice}"


def _value(engine: Engine, query: str) -> object:
    with reading(engine) as connection:
        return connection.scalar(text(query))
