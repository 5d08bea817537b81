"""One reading for all who ask within a second."""

from threading import Event, Lock, Semaphore, Thread

import pytest

from scraping_project.monitor.shared_reading import FRESH, MOST, SharedReading

WAITING = 10


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


class Reader:
    """Counts how often it is read; may fail."""

    def __init__(self):
        self.times, self.fails = 0, False

    def __call__(self):
        self.times += 1
        if self.fails:
            raise RuntimeError("away")
        return self.times


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shared(clock):
    return SharedReading(clock)


@pytest.fixture
def read():
    return Reader()


def test_what_was_read_serves_all_for_a_second(shared, clock, read):
    assert shared.of("a", read) == 1
    clock.seconds = FRESH - 0.01
    assert shared.of("a", read) == 1
    clock.seconds = FRESH
    assert shared.of("a", read) == 2


def test_an_answer_of_none_is_an_answer(shared):
    times = []
    for _ in range(2):
        assert shared.of("a", lambda: times.append(1)) is None
    assert len(times) == 1


def test_a_second_counts_from_the_end_of_a_long_reading(shared, clock):
    def slow():
        clock.seconds += 60
        return clock.seconds

    assert shared.of("a", slow) == shared.of("a", slow) == 60


def test_each_key_has_its_own_answer(shared, read):
    assert (shared.of("a", read), shared.of("b", read), shared.of("a", read)) == (1, 2, 1)


def test_who_asks_after_a_change_reads_anew(shared, read):
    shared.of("a", read)
    shared.forget()
    assert shared.of("a", read) == 2


def test_a_reading_that_fails_is_not_kept(shared, read):
    read.fails = True
    with pytest.raises(RuntimeError):
        shared.of("a", read)
    read.fails = False
    assert shared.of("a", read) == 2


def in_threads(count, ask):
    threads = [Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


class NotingLock:
    """A lock that tells of each who has to wait for it."""

    def __init__(self):
        self._lock, self.waiting = Lock(), Semaphore(0)

    def __enter__(self):
        if not self._lock.acquire(blocking=False):
            self.waiting.release()
            self._lock.acquire()

    def __exit__(self, *_):
        self._lock.release()


def test_all_who_ask_at_once_wait_for_one_reading(shared):
    go, times, found, turn = Event(), [], [], NotingLock()
    shared._slot("a").turn = turn

    def read():
        times.append(1)
        assert go.wait(60)
        return "an answer"

    threads = in_threads(WAITING, lambda: found.append(shared.of("a", read)))
    wait = [turn.waiting.acquire(timeout=30) for _ in range(WAITING - 1)]
    assert found == []
    go.set()
    for thread in threads:
        thread.join()

    assert all(wait)
    assert found == ["an answer"] * WAITING
    assert len(times) == 1


def test_nobody_waits_for_what_another_asks(shared, read):
    begun, go = Event(), Event()

    def slow():
        begun.set()
        assert go.wait(60)

    (thread,) = in_threads(1, lambda: shared.of("slow", slow))
    assert begun.wait(60)
    assert shared.of("a", read) == 1  # while the other is still at it
    go.set()
    thread.join()


def test_who_asks_after_a_change_does_not_get_what_was_begun_before_it(shared, read):
    begun, go = Event(), Event()

    def before():
        begun.set()
        assert go.wait(60)
        return "before"

    (thread,) = in_threads(1, lambda: shared.of("a", before))
    assert begun.wait(60)
    shared.forget()
    assert shared.of("a", read) == 1
    go.set()
    thread.join()
    assert shared.of("a", read) == 1


def test_no_more_than_some_answers_are_kept_and_the_oldest_go_first(shared, read):
    for number in range(MOST):
        shared.of(number, read)
    shared.of(0, read)
    shared.of("one more", read)

    assert len(shared._slots) == MOST
    assert shared.of(0, read) == 1
    assert shared.of(1, read) == MOST + 2
