"""What a site says with Retry-After."""

import math
import time
from email.utils import parsedate_to_datetime

from scrapy.http import Response

#: The statuses with which a site asks for time.
ASKING = frozenset({429, 503})
#: What is longer than this is no answer for a crawler: seconds.
LONGEST = 24 * 3600.0


def seconds(response: Response) -> float | None:
    """How long to leave the site alone, by its Retry-After, seconds or an HTTP date; None without one.

    RFC 9110, section 10.2.3.
    """
    if response.status not in ASKING:
        return None
    header = response.headers.get("Retry-After")
    if header is None:
        return None
    text = header.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST)
    try:
        wait = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(math.ceil(wait), 0.0), LONGEST)
