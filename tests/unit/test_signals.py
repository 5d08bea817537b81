"""Signals reach their handlers as Scrapy's own do, without a task for each."""

import asyncio
import logging

import pytest
from pydispatch.dispatcher import Any
from scrapy.exceptions import NotConfigured, StopDownload
from scrapy.signalmanager import SignalManager
from scrapy.utils.test import get_crawler
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from scraping_project.tuning.signals import Signals

SIGNAL = object()


@pytest.fixture(name="sent")
def sender_of_a_crawler():
    """Sends a signal of a crawler to handlers that were connected before its signals were replaced."""
    crawler = get_crawler()

    async def send(*handlers, **kwargs):
        for handler in handlers:
            crawler.signals.connect(handler, SIGNAL)
        Signals.from_crawler(crawler)
        tasks = len(asyncio.all_tasks())
        answers = crawler.signals.send_catch_log_async(SIGNAL, item="item", **kwargs)
        return [answer for _, answer in await answers], tasks

    return lambda *handlers, **kwargs: asyncio.run(send(*handlers, **kwargs))


def test_a_handler_gets_what_it_names_and_runs_where_the_signal_is_sent(sent):
    seen = []

    def count(item, sender):
        seen.append((item, sender is not None, len(asyncio.all_tasks())))

    answers, tasks = sent(count)
    assert answers == [None]
    assert seen == [("item", True, tasks)]


def test_handlers_that_wait_do_so_side_by_side(sent):
    async def one(item):
        await first.wait()
        return f"one {item}"

    async def two():
        first.set()
        return "two"

    first = asyncio.Event()
    assert sorted(sent(one, two)[0]) == ["one item", "two"]


def test_what_a_handler_returns_at_once_is_its_answer(sent):
    def plain():
        return "at once"

    assert sent(plain)[0] == ["at once"]


@pytest.mark.parametrize("waits", [True, False])
def test_a_handler_that_raises_is_logged_and_keeps_none_of_the_others_from_the_signal(sent, caplog, waits):
    def at_once():
        raise ValueError("broken")

    async def later():
        await asyncio.sleep(0)
        raise ValueError("broken")

    def other():
        return "other"

    with caplog.at_level(logging.ERROR):
        answers, _ = sent(later if waits else at_once, other)
    assert sorted(map(str, answers)) == ["broken", "other"]
    assert "Error caught on signal handler" in caplog.text
    assert "ValueError: broken" in caplog.text


@pytest.mark.parametrize("kinds", [ValueError, (KeyError, ValueError)])
def test_what_the_sender_does_not_want_logged_is_not(sent, caplog, kinds):
    def broken():
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        sent(broken, dont_log=kinds)
    assert caplog.text == ""


@pytest.mark.parametrize("sender", ["crawler", Any])
@pytest.mark.parametrize("signal", [SIGNAL, Any])
def test_whoever_listens_to_a_signal_hears_it(sender, signal):
    crawler = get_crawler()
    crawler.signals.connect(listener := Listener(), signal, **({"sender": Any} if sender is Any else {}))
    Signals.from_crawler(crawler)
    crawler.signals.send_catch_log(SIGNAL, item="item")
    assert listener.reply == ["item"]
    crawler.signals.disconnect(listener, signal, **({"sender": Any} if sender is Any else {}))
    assert crawler.signals.send_catch_log(SIGNAL, item="another") == []
    assert listener.reply == ["item"]


class Listener:
    def __init__(self):
        self.reply = []

    def __call__(self, item=None):
        self.reply.append(item)


class Handlers:
    """A handler of each kind, as methods, which is what most are."""

    def named(self, item, unheard_of=3):
        return "named", item, unheard_of

    def anything(self, **kwargs):
        return "anything", sorted(kwargs)

    def nothing(self):
        return "nothing"

    def demanding(self, what_nobody_sends):
        return what_nobody_sends

    def broken(self):
        raise ValueError("broken")

    def stopping(self):
        raise StopDownload

    def deferring(self):
        return Deferred()


def described(answer):
    if isinstance(answer, Failure):
        return repr(answer.value)
    return "a deferred" if isinstance(answer, Deferred) else answer


@pytest.mark.parametrize("dont_log", [(), ValueError, (KeyError, ValueError)])
def test_methods_are_answered_and_logged_of_as_by_scrapy(dont_log, caplog):
    handlers = Handlers()
    said = []
    for ours in (False, True):
        crawler = get_crawler()
        for name in ("named", "anything", "nothing", "demanding", "broken", "stopping", "deferring"):
            crawler.signals.connect(getattr(handlers, name), SIGNAL)
        if ours:
            Signals.from_crawler(crawler)
        caplog.clear()
        answers = crawler.signals.send_catch_log(SIGNAL, item="item", spider=None, dont_log=dont_log)
        records = [(r.levelname, r.getMessage(), r.exc_info and repr(r.exc_info[1])) for r in caplog.records]
        said.append(([(receiver, described(answer)) for receiver, answer in answers], records))
    assert len(said[0][0]) == 7
    assert said[0] == said[1]


def test_a_crawler_with_signals_of_its_own_keeps_them():
    class Own(SignalManager):
        pass

    crawler = get_crawler()
    crawler.signals = own = Own(crawler)
    with pytest.raises(NotConfigured):
        Signals.from_crawler(crawler)
    assert crawler.signals is own
