"""Who did what: a row for every change that somebody makes here."""

import logging
from collections.abc import Mapping
from uuid import uuid4

from scraping_project.dashboard.admission import session_of
from scraping_project.dashboard.reading import readings_of, stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.storage.actions import AskedAction, write_done
from scraping_project.storage.errors import StorageError

logger = logging.getLogger(__name__)


def note(request: Asked, kind: str, what: Mapping[str, object], done: int) -> None:
    """Writes down what was done a moment ago; while the database is away, into the log alone."""
    readings_of(request).forget()
    name = session_of(request).identity.name or "somebody on this machine"
    action = AskedAction(id=uuid4().hex, kind=kind, asked_by=name, filter=dict(what), total=done)
    try:
        stores_of(request).database.demand(lambda engine: write_done(engine, action))
    except StorageError as error:
        logger.warning("%s did %s %s, which is not written: %s", name, kind, dict(what), error)
