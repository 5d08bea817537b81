"""How long a request waits in the frontier before it is tried again."""

import random
from collections.abc import Callable

from scrapy.http import Response

from scraping_project.politeness import retry_after

#: How much of the delay chance may add, so that what failed together does not come back together.
JITTER = 0.25
#: Nothing waits for longer, seconds.
LONGEST = 7 * 24 * 3600.0


class RetryBackoff:
    """``RETRY_BACKOFF_BASE ** n`` seconds before the n-th retry, or what Retry-After says if that is longer.

    With 4: 4 s, 16 s; with 60: a minute, an hour; with 0: at once.

    Args:
        base_s: RETRY_BACKOFF_BASE.
        redis_time: Tells the time that all workers share, in seconds since 1970.
    """

    def __init__(self, base_s: float, redis_time: Callable[[], float]) -> None:
        self._redis_time = redis_time
        self._base = float(base_s)  # a power of whole numbers may have a million digits

    def delay_ms(self, retry: int, answer: object) -> int:
        """Milliseconds before the given retry, counted from 1, after this answer or exception."""
        try:
            seconds = min(self._base**retry, LONGEST)
        except OverflowError:
            seconds = LONGEST
        seconds *= 1 + JITTER * random.random()  # noqa: S311  a delay, no secret
        asked = retry_after.seconds(answer, self._redis_time()) if isinstance(answer, Response) else None
        return round(1000 * max(seconds, asked or 0.0))
