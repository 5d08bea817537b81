"""How a slot's clock follows what the site can bear: Retry-After, AutoThrottle's delay, and back-off."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from scrapy.http import Response

from scraping_project.politeness import retry_after
from scraping_project.politeness.clocks import SlotClock
from scraping_project.politeness.policy import Throttling

if TYPE_CHECKING:
    from scrapy import Request

OK = 200
TOO_MANY = 429
#: The first back-off after a 429 without Retry-After, seconds; it doubles with each, up to the longest.
FIRST, LONGEST = 1.0, 60.0


class AutoThrottle:
    """Adapts the delay of a slot to its answers.

    With AUTOTHROTTLE_ENABLED the delay follows the latency as Scrapy's extension of that name does, but for
    the whole cluster: it travels with the slot from worker to worker. Errors never shorten it. A 429 that
    does not say for how long doubles the delay in any case, and each answer after it takes back half of that.

    Args:
        throttling: Its settings.
        redis_time: Tells the time that all workers share, in seconds since 1970.
        hold: Called with a slot and the monotonic moment until which its site wants to be left alone.
    """

    def __init__(
        self,
        throttling: Throttling,
        redis_time: Callable[[], float],
        hold: Callable[[str, float], None],
    ) -> None:
        self._redis_time = redis_time
        self._hold = hold
        self._enabled = throttling.enabled
        self._concurrency = throttling.concurrency
        self._start = throttling.start_s if self._enabled else 0.0
        self._longest = throttling.longest_s if self._enabled else LONGEST

    def begin(self, clock: SlotClock) -> None:
        """Let a slot that nobody has measured yet start slowly; that others have comes with its permits."""
        if self._enabled and clock.permits and clock.adaptive is None and clock.delay < self._start:
            clock.adapt(self._start)

    def answered(self, clock: SlotClock, request: "Request", response: Response) -> None:
        wait = retry_after.seconds(response, self._redis_time())
        if wait is not None:
            until = monotonic() + wait
            clock.hold_until(until)
            self._hold(clock.name, until)
        elif response.status == TOO_MANY:
            self._back_off(clock)
        elif self._enabled:
            if not request.meta.get("autothrottle_dont_adjust_delay"):
                self._follow(clock, request.meta.get("download_latency"), response.status)
        elif clock.adaptive:
            self._recover(clock)

    def failed(self, clock: SlotClock) -> None:
        """The site did not answer."""
        if self._enabled:
            self._back_off(clock)

    def _back_off(self, clock: SlotClock) -> None:
        clock.adapt(min(max(2 * clock.delay, FIRST), max(self._longest, clock.own_delay)))

    def _recover(self, clock: SlotClock) -> None:
        delay = (clock.adaptive or 0.0) / 2
        clock.adapt(delay if delay > max(clock.own_delay, FIRST / 8) else 0.0)

    def _follow(self, clock: SlotClock, latency: float | None, status: int) -> None:
        """Scrapy's AutoThrottle: towards latency / concurrency, at once when that is longer."""
        if latency is None:
            return
        target = latency / self._concurrency
        old = clock.adaptive if clock.adaptive is not None else max(clock.delay, self._start)
        new = min(max(target, (old + target) / 2, clock.own_delay), max(self._longest, clock.own_delay))
        if status == OK or new > old:
            clock.adapt(new)
