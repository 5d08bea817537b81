"""What is pushed for scrapy-redis's spiders, which take it themselves, in batches."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scrapy import Request
from scrapy.exceptions import CloseSpider, DontCloseSpider

#: Called with a push that no request can be made of, and why.
Refuse = Callable[[bytes, Exception], None]


def each_by_itself(make: Callable[[Any], Any], refuse: Refuse) -> Callable[[Any], Any]:
    """A ``make_request_from_data`` that refuses what it can't be called with, and raises nothing.

    The class has taken a whole batch out of Redis when it makes the first request of it: what is raised there
    would cost all that come after.
    """

    def make_request_from_data(data: Any) -> Any:
        try:
            made = make(data)
        except (CloseSpider, DontCloseSpider):
            raise
        except Exception as error:  # noqa: BLE001  whatever a spider's own method may raise
            refuse(_raw(data), error)
            return ()
        return made if isinstance(made, Request) or not isinstance(made, Iterable) else _each(made, data)

    def _each(made: Iterable[Request], data: Any) -> Iterator[Request]:
        try:
            yield from made
        except (CloseSpider, DontCloseSpider):
            raise
        except Exception as error:  # noqa: BLE001  the same
            refuse(_raw(data), error)

    return make_request_from_data


def _raw(data: Any) -> bytes:
    return data if isinstance(data, bytes) else str(data).encode(errors="replace")
