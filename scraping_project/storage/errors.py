"""The errors of storage; every message is one line for an operator, without a password."""


class StorageError(Exception):
    """Storage cannot do what it was asked; the cause holds the driver's own error."""


class BadDatabaseURL(StorageError):  # noqa: N818 -- named for what is wrong, as operators read it
    """The database URL is not one that storage can use."""


class DatabaseUnavailable(StorageError):  # noqa: N818 -- the same
    """The database does not serve now: away, full, read-only or locked; trying again later may work."""


class DatabaseAway(DatabaseUnavailable):
    """The server gave no answer: it is away, starting or too busy, or the connection ended.

    Whether the last statement took effect is not known; trying again in a moment may work.
    """


class Deadlocked(DatabaseUnavailable):
    """The database gave up this transaction for another one; trying again at once should work."""


class RowRefused(StorageError):  # noqa: N818 -- the same
    """The database will never take one row of this statement; it would take the others."""


class Duplicated(RowRefused):
    """A row of the same unique key came in between, or is there already."""


class MissingTable(StorageError):  # noqa: N818 -- the same
    """The database has not been migrated yet."""


class SchemaTooNew(StorageError):  # noqa: N818 -- the same
    """The database was migrated by a newer version of this project."""


class UnknownRun(StorageError):  # noqa: N818 -- the same
    """No run of this id was started."""
