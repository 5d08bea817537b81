"""How long a site asks to be left alone, by its Retry-After."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from scrapy.http import Response

#: The statuses with which a site asks for time.
ASKING = frozenset({429, 503})
#: What is longer than this is no answer for a crawler: seconds.
LONGEST = 24 * 3600.0


def seconds(response: Response, now: float) -> float | None:
    """How long to leave the site alone, by its Retry-After, seconds or an HTTP date; None without one.

    A date counts from the answer's own Date, for both come of the site's clock. A Date that is missing,
    unreadable or more than a day away from what it is to be compared with says nothing of that clock; then
    it counts from ``now``. RFC 9110, sections 10.2.3 and 5.6.7.

    Args:
        response: The answer.
        now: The time by the clock that all workers share, in seconds since 1970.
    """
    if response.status not in ASKING:
        return None
    text = _header(response, "Retry-After")
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST)
    until = _moment(text)
    if until is None:
        return None
    sent_at = _moment(_header(response, "Date"))
    if sent_at is None or abs(until - sent_at) > LONGEST:
        sent_at = now
    return min(max(math.ceil(until - sent_at), 0.0), LONGEST)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _moment(text: str) -> float | None:
    """An HTTP date in any of its three forms, all of which are GMT, in seconds since 1970."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
