"""Where a page of samples begins, as it stands in an address."""

from datetime import datetime

from litestar.exceptions import ClientException

_LONGEST_ID = 18  # digits, as a column takes them


def place_of(text: str) -> tuple[datetime, int] | None:
    """The moment and the id of a text such as ``2026-05-01T12:00:00 17``; None of an empty one.

    Raises:
        ClientException: It is no place.
    """
    if not text:
        return None
    moment, _, log_id = text.rpartition(" ")
    try:
        place = datetime.fromisoformat(moment).replace(tzinfo=None), int(log_id)
    except ValueError:
        place = None
    if place is None or not log_id.isdecimal() or len(log_id) > _LONGEST_ID:
        raise ClientException("before is no place that a page has named: open the list without it")
    return place
