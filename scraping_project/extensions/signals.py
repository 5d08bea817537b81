"""Signals at less cost: no task for every handler, and next to nothing where there is none."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydispatch import dispatcher
from pydispatch.dispatcher import getAllReceivers, getReceivers, liveReceivers
from pydispatch.robustapply import robustApply
from scrapy.exceptions import NotConfigured
from scrapy.signalmanager import SignalManager
from scrapy.utils.defer import ensure_awaitable

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

Answer = tuple[Any, Any]  # a handler, and what it returned or raised


class Signals(SignalManager):
    """Scrapy's signals. What a handler does at once is done where the signal is sent.

    Scrapy 2.19 makes a task for each handler of an item, of which most only count. Here those that have to
    be waited for get one. In everything else a handler sees what Scrapy promises it.
    """

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        if type(crawler.signals) is not SignalManager:
            raise NotConfigured("this crawler has signals of its own")
        # Connections are kept by sender, so those that were made before still hold.
        signals = cls(crawler)
        crawler.signals = signals
        return signals

    def send_catch_log(self, signal: Any, **kwargs: Any) -> list[Answer]:
        # Five of a page's signals are for nobody, which Scrapy finds out in twice the time.
        anyone = _has_receivers(kwargs.get("sender", self.sender), signal)
        return super().send_catch_log(signal, **kwargs) if anyone else []

    async def send_catch_log_async(self, signal: Any, **kwargs: Any) -> list[Answer]:
        kwargs.setdefault("sender", self.sender)
        kwargs["signal"] = signal
        quiet = _as_tuple(kwargs.pop("dont_log", ()))
        answers: list[Answer] = []
        waiting: dict[int, Awaitable[Any]] = {}
        for receiver in liveReceivers(getAllReceivers(kwargs["sender"], signal)):
            try:
                answer = robustApply(receiver, **kwargs)
            except Exception as error:  # noqa: BLE001  as Scrapy does
                answer = _caught(error, receiver, quiet, kwargs)
            else:
                if answer is not None:
                    waiting[len(answers)] = asyncio.ensure_future(ensure_awaitable(answer))
            answers.append((receiver, answer))
        if waiting:
            ended = await asyncio.gather(*waiting.values(), return_exceptions=True)
            for place, answer in zip(waiting, ended, strict=True):
                receiver, _ = answers[place]
                if isinstance(answer, Exception):
                    _caught(answer, receiver, quiet, kwargs)
                answers[place] = receiver, answer
        return answers


def _has_receivers(sender: Any, signal: Any) -> bool:
    return bool(
        getReceivers(sender, signal)
        or getReceivers(sender, dispatcher.Any)
        or getReceivers(dispatcher.Any, signal)
        or getReceivers(dispatcher.Any, dispatcher.Any)
    )


def _as_tuple(kinds: Any) -> tuple[type[BaseException], ...]:
    return tuple(kinds) if isinstance(kinds, Sequence) else (kinds,)


def _caught(
    error: Exception, receiver: Any, quiet: tuple[type[BaseException], ...], kwargs: dict[str, Any]
) -> Exception:
    if not isinstance(error, quiet):
        logger.error(
            "Error caught on signal handler: %(receiver)s",
            {"receiver": receiver},
            exc_info=error,
            extra={"spider": kwargs.get("spider")},
        )
    return error
