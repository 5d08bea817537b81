"""The messages between a worker and the frontier: a step, and the reply to it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

import msgspec
from msgspec.structs import force_setattr

#: What a record has room for: bytes of a slot's name, a priority, a fingerprint.
MAX_SLOT, MAX_PRIORITY, MAX_FINGERPRINT = 255, 2**31 - 1, 2**63 - 1

#: So many bytes of requests are leased in a step of slots that the worker works on, and as many of others.
#: The answer holds them, and Redis writes each four times.
LEASE_BYTES = 2**19

_PLACE = Struct(">iB")  # of a leased record: priority, length of the slot
_QUEUED = Struct(">5sBBB")  # id, attempt, deliveries, deaths


def blob(data: bytes) -> msgspec.Raw:
    """Bytes as Redis's msgpack library knows them: as raw strings, for it predates the type for bytes."""
    if len(data) < 1 << 16:
        return msgspec.Raw(b"\xda" + len(data).to_bytes(2, "big") + data)
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


def bytes_of(raw: msgspec.Raw) -> bytes:
    """What ``blob`` was made of."""
    packed = bytes(raw)
    return packed[3 if packed[:1] == b"\xda" else 5 :]


def slot_name(slot: str) -> str:
    """The name under which the frontier knows a slot: its own, or a shorter one if that is too long."""
    name = slot.encode(errors="replace")
    if len(name) <= MAX_SLOT:
        return name.decode()
    return f"{name[:128].decode(errors='ignore')}#{hashlib.sha256(name).hexdigest()}"


# The scripts take for granted what these three see to: a script that fails half-way is not rolled back.
def _see_to_slot(step: "Push | Move | Nack") -> None:
    force_setattr(step, "slot", slot_name(step.slot))


def _see_to_priority(step: "Push | Move | Nack") -> None:
    force_setattr(step, "priority", max(-MAX_PRIORITY, min(step.priority, MAX_PRIORITY)))


def _see_to_fingerprint(step: "Push | Move | Refusal | Done") -> None:
    digits = step.fingerprint
    if not digits:
        return
    if not (digits.isascii() and digits.isdecimal() and int(digits) <= MAX_FINGERPRINT):
        raise ValueError(f"{digits!r} is no fingerprint: a decimal number of at most 63 bits")
    force_setattr(step, "fingerprint", digits.lstrip("0") or "0")


class Push(msgspec.Struct, array_like=True, frozen=True):
    """A new request."""

    fingerprint: str  # a decimal number; empty to pass the dupe filter
    slot: str
    priority: int
    payload: msgspec.Raw  # see blob
    again: bool = False  # it passes the dupe filter, which knows it from then on

    def __post_init__(self) -> None:
        _see_to_slot(self)
        _see_to_priority(self)
        _see_to_fingerprint(self)


class End(msgspec.Struct, array_like=True, frozen=True):
    """The end of a lease: an ack or a release."""

    id: int
    delivery: int


class Move(msgspec.Struct, array_like=True, frozen=True):
    """A redirect: its target takes over the place of the request it comes from."""

    id: int
    delivery: int
    fingerprint: str  # as in Push; empty too when the request's own chain has it
    slot: str
    priority: int
    payload: msgspec.Raw

    def __post_init__(self) -> None:
        _see_to_slot(self)
        _see_to_priority(self)
        _see_to_fingerprint(self)


class Nack(msgspec.Struct, array_like=True, frozen=True):
    """To be tried again."""

    id: int
    delivery: int
    delay_ms: int
    slot: str
    priority: int
    payload: msgspec.Raw

    def __post_init__(self) -> None:
        _see_to_slot(self)
        _see_to_priority(self)


class Burial(msgspec.Struct, array_like=True, frozen=True):
    """Will not be tried again; the letter is what people read about it."""

    id: int
    delivery: int
    letter: msgspec.Raw


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """A seed that no request can be made of, or a request that is too large: a dead letter at once."""

    letter: msgspec.Raw
    payload: msgspec.Raw
    fingerprint: str = ""  # as in Push: a known one is no second letter

    def __post_init__(self) -> None:
        _see_to_fingerprint(self)


class Done(msgspec.Struct, array_like=True, frozen=True):
    """A request that is done, by the database."""

    fingerprint: str  # as in Push
    pages: int  # 1 when it was answered, else 0

    def __post_init__(self) -> None:
        _see_to_fingerprint(self)


class Withdrawal(msgspec.Struct, array_like=True, frozen=True):
    """A request that waits, and is done by the word of the database; see waiting.py."""

    place: str  # queue, suspects, delayed or leases
    name: str  # the slot, or the token of the worker that leased it
    priority: int
    record: msgspec.Raw
    id: int
    delivery: int
    pages: int  # as in Done


class Ask(msgspec.Struct):
    """One slot's part of a step: what the worker knows of the slot, and wants there."""

    slot: str
    want: int = 0  # requests
    arm: int = 0  # of these, may begin before the next checkpoint
    need: int = 0  # permits; 0 gives them all back
    in_flight: int = 0
    waits: bool = False  # something of this slot is beyond the scheduler already
    sent_ms: int = -1  # ago, the last request
    delay_ms: int = 0  # by this worker's settings
    cap: int = 1  # permits of all workers, by this worker's settings
    crawl_delay_ms: int = -1  # what robots.txt asks for; -1 when that is not known
    after_ms: int = 0  # from now, before which nothing is to be sent
    adaptive_ms: int = -1  # what the site's latency asks for; -1: not known


class Grant(msgspec.Struct, array_like=True, frozen=True):
    """What a worker may do in a slot from now on."""

    slot: str
    permits: int
    lasts_ms: int  # from when the step was sent: what is granted, or what is refused but still held
    wait_ms: int  # from when the answer came, until the first request
    delay_ms: int  # between two requests
    outcome: int  # see the constants below
    adaptive_ms: int = 0  # what the site's latency asks for, as last reported; 0: nothing


#: What came of an ask: permits were granted; others have them; they are wanted elsewhere, so finish what
#: is in flight; the operator paused the slot; the operator blocked it, so requests are handed out only to be
#: ended.
GRANTED, REFUSED, YIELD, PAUSED, BLOCKED = range(5)


class Step(msgspec.Struct, kw_only=True):
    """One checkpoint of one worker. The same sequence again changes nothing."""

    token: str
    epoch: int
    sequence: int
    lease_ms: int
    push: Sequence[Push] = ()
    refuse: Sequence[Refusal] = ()
    move: Sequence[Move] = ()
    nack: Sequence[Nack] = ()
    bury: Sequence[Burial] = ()
    release: Sequence[End] = ()  # in the order in which they were leased
    ack: Sequence[End] = ()
    ack_parents: Sequence[End] = ()  # of which pushes have come: they end after these, or with them
    taken: Sequence[msgspec.Raw] = ()
    filtered: Mapping[str, int] = {}
    pages: int = 0
    started: bool = False
    logged: Sequence[int] = ()
    arm: Sequence[int] = ()
    want: int = 0
    lease_bytes: int = LEASE_BYTES  # leased of the asks' slots, or one that is larger, and of others; 0: none
    turn: int = 1  # leased at the most of one slot without a delay
    skip: Sequence[str] = ()
    arm_new: int = 0
    ahead_ms: int = 0  # of a slot with a delay so much is leased as may be sent in this time
    asks: Sequence[Ask] = ()
    delay_ms: int = 0  # of slots without a setting of their own
    cap: int = 1_000_000  # permits of all workers, of such slots
    own: Mapping[str, tuple[int, int]] = {}  # slot to its delay (ms) and cap
    robots: bool = False  # robots.txt is obeyed
    slot_pages: int = 0  # requests of a slot that are handed out in a crawl, 0 for all
    max_pages: int = 0  # of the crawl that are to be answered by all workers, 0: no limit
    lifo: bool = False  # what is pushed comes first
    leapt: bool = False  # Redis's clock was set forward, see server_time.py
    news_ms: int = 0  # by Redis's clock: until then the news of slots are known
    look_up: Sequence[str] = ()  # fingerprints that may be known; those of this step's pushes are
    found: int = 0  # how many steps that found something are known


class Leased(msgspec.Struct, array_like=True, frozen=True):
    """A request that this worker may process until its lease ends."""

    id: int
    attempt: int
    delivery: int
    deaths: int  # of workers that had begun it
    slot: str
    priority: int
    payload: bytes
    armed: bool = False  # may begin before the next checkpoint
    too_many: bool = False  # its slot's budget was spent: not to be sent


def read_leased(record: bytes) -> Leased:
    """A leased record, as the letters of Heard hold it.

    Raises:
        ValueError: It is none.
    """
    if len(record) < _PLACE.size or len(record) < _PLACE.size + record[_PLACE.size - 1] + _QUEUED.size:
        raise ValueError("no record of a request")
    priority, length = _PLACE.unpack_from(record)
    end = _PLACE.size + length
    number, attempt, delivery, deaths = _QUEUED.unpack_from(record, end)
    slot = record[_PLACE.size : end].decode(errors="replace")
    request_id = int.from_bytes(number, "big")
    return Leased(request_id, attempt, delivery, deaths, slot, priority, record[end + _QUEUED.size :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """discovered = queued + delayed + leased + done + dead, at any instant."""

    discovered: int
    queued: int
    delayed: int
    leased: int
    done: int
    dead: int
    pages: int  # answered
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The frontier's answer to a step."""

    now_ms: int  # the server's clock
    pushed: str  # "1" added, "0" known, in the order of push
    leased: list[Leased]
    ledger: Ledger
    letters: dict[int, bytes]  # of the reaper's dead that want a log row: id and record, see read_leased
    finished: bool
    grants: Sequence[Grant] = ()
    news: Sequence[str] = ()  # slots to ask for again
    known: str = ""  # "1" known, "0" not, in the order of look_up
    found: Sequence[str] = ()  # fingerprints that others have found lately
    found_to: int = 0  # what the next step may report as found
