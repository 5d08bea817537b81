"""Signals at less cost: no task for every handler, and next to nothing where there is none."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from inspect import CO_VARKEYWORDS
from types import CodeType, MethodType
from typing import TYPE_CHECKING, Any, Self

from pydispatch import dispatcher
from pydispatch.dispatcher import connections, getAllReceivers, liveReceivers
from pydispatch.robustapply import robustApply
from scrapy.exceptions import NotConfigured, StopDownload
from scrapy.signalmanager import SignalManager
from scrapy.utils.defer import ensure_awaitable
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

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
        receivers = _receivers(kwargs.setdefault("sender", self.sender), signal)
        if not receivers:  # five of a page's signals are for nobody
            return []
        kwargs["signal"] = signal
        quiet = (*_as_tuple(kwargs.pop("dont_log", ())), StopDownload)
        answers: list[Answer] = []
        for receiver in receivers:
            try:
                answer = _call(receiver, kwargs)
            except Exception as error:  # noqa: BLE001  as Scrapy does
                _log(error, receiver, quiet, kwargs)
                answer = Failure()  # type: ignore[no-untyped-call]  # its __init__
            else:
                if isinstance(answer, Deferred):
                    _complain("Cannot return deferreds from signal handler: %(receiver)s", receiver, kwargs)
            answers.append((receiver, answer))
        return answers

    async def send_catch_log_async(self, signal: Any, **kwargs: Any) -> list[Answer]:
        receivers = _receivers(kwargs.setdefault("sender", self.sender), signal)
        kwargs["signal"] = signal
        quiet = _as_tuple(kwargs.pop("dont_log", ()))
        answers: list[Answer] = []
        waiting: dict[int, Awaitable[Any]] = {}
        for receiver in receivers:
            try:
                answer = _call(receiver, kwargs)
            except Exception as error:  # noqa: BLE001  as Scrapy does
                _log(error, receiver, quiet, kwargs)
                answer = error
            else:
                if answer is not None:
                    waiting[len(answers)] = asyncio.ensure_future(ensure_awaitable(answer))
            answers.append((receiver, answer))
        if waiting:
            ended = await asyncio.gather(*waiting.values(), return_exceptions=True)
            for place, answer in zip(waiting, ended, strict=True):
                receiver, _ = answers[place]
                if isinstance(answer, Exception):
                    _log(answer, receiver, quiet, kwargs)
                answers[place] = receiver, answer
        return answers


def _receivers(sender: Any, signal: Any) -> list[Any]:
    """Who listens to the signal, as pydispatch finds them: at once where they are connected in one place."""
    of_sender, of_any = connections.get(id(sender), {}), connections.get(id(dispatcher.Any), {})
    places = [
        receivers
        for signals in (of_sender, of_any)
        if signals
        for receivers in (signals.get(signal), signals.get(dispatcher.Any))
        if receivers
    ]
    if not places:
        return []
    return list(liveReceivers(places[0] if len(places) == 1 else getAllReceivers(sender, signal)))


def _call(receiver: Any, named: dict[str, Any]) -> Any:
    """Call it with what it has names for, as pydispatch does, which looks at its code at every call."""
    if receiver.__class__ is not MethodType:
        return robustApply(receiver, **named)
    names = _names(receiver.__func__.__code__)
    if names is None:
        return receiver(**named)
    return receiver(**{name: named[name] for name in names if name in named})


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> tuple[str, ...] | None:
    """The arguments of a method but itself; None when it takes any."""
    return None if code.co_flags & CO_VARKEYWORDS else code.co_varnames[1 : code.co_argcount]


def _as_tuple(kinds: Any) -> tuple[type[BaseException], ...]:
    return tuple(kinds) if isinstance(kinds, Sequence) else (kinds,)


def _log(
    error: Exception, receiver: Any, quiet: tuple[type[BaseException], ...], named: dict[str, Any]
) -> None:
    if not isinstance(error, quiet):
        _complain("Error caught on signal handler: %(receiver)s", receiver, named, error)


def _complain(words: str, receiver: Any, named: dict[str, Any], error: Exception | None = None) -> None:
    logger.error(words, {"receiver": receiver}, exc_info=error, extra={"spider": named.get("spider")})
