"""Downloads: what a filter shows, of any size, in constant memory."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Literal

from litestar import get
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.dashboard.streaming import in_pieces
from scraping_project.dashboard.threads import in_thread
from scraping_project.storage.errors import StorageError
from scraping_project.storage.exporting.exports import COLUMNS, JSON_COLUMNS, ExportTable, pages
from scraping_project.storage.exporting.formats import as_csv, as_json_lines

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


@get("/export/{file_name:str}", machines=True, include_in_schema=False)
@in_thread
def export(
    request: Asked,
    file_name: FromPath[str],
    *,
    domain: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    crawl: FromQuery[str | None] = None,
    type: FromQuery[str | None] = None,  # noqa: A002  as the command has it
) -> Stream:
    """Streams a table such as ``sites.csv`` or ``logs.jsonl``; of a domain, or since a moment.

    Failures go by reason and crawl, too, and items by type.
    """
    table, kind = _which(file_name)
    stores = stores_of(request)
    try:
        coming = stores.patient_database.demand(
            lambda engine: pages(
                engine,
                table,
                domain=domain or None,
                since=_moment(since),
                reason=reason or None,
                crawl_id=crawl or None,
                item_type=type or None,
            )
        )
        chunks = _formatted(coming, table, kind)
        first = list(islice(chunks, 2))  # a header, and what shows that the database answers
    except ValueError as error:
        raise ClientException(str(error)) from error
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    name = f"{table}-{datetime.now(UTC):%Y%m%dT%H%M%S}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Stream(
        in_pieces(chain(first, chunks), closing(coming)),
        media_type=MEDIA_TYPES[kind],
        headers=headers,
    )


def _which(file_name: str) -> tuple[ExportTable, Literal["csv", "jsonl"]]:
    table, _, kind = file_name.partition(".")
    if table not in COLUMNS or kind not in MEDIA_TYPES:
        known = ", ".join(f"{each}.csv, {each}.jsonl" for each in COLUMNS)
        raise NotFoundException(f"There is no export {file_name!r}: there are {known}.")
    return table, kind  # type: ignore[return-value]  # both were looked up


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ClientException(f"since is a time such as 2030-12-31T18:00Z, not {text[:50]!r}") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _formatted(coming: Iterator[Any], table: ExportTable, kind: str) -> Iterator[bytes]:
    columns = COLUMNS[table]
    if kind == "csv":
        return as_csv(coming, columns)
    return as_json_lines(coming, columns, JSON_COLUMNS)
