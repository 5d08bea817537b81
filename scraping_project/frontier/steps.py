"""What a worker says at a checkpoint, and what it hears."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec


def blob(data: bytes) -> msgspec.Raw:
    """Bytes as Redis's msgpack library knows them: as raw strings, for it predates the type for bytes."""
    if len(data) < 1 << 16:
        return msgspec.Raw(b"\xda" + len(data).to_bytes(2, "big") + data)
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


class Push(msgspec.Struct, array_like=True, frozen=True):
    """A new request."""

    fingerprint: str  # a decimal number; empty to pass the dupe filter
    slot: str
    priority: int
    payload: msgspec.Raw  # see blob


class End(msgspec.Struct, array_like=True, frozen=True):
    """A lease that ends with nothing more to say: acked or released."""

    id: int
    delivery: int


class Move(msgspec.Struct, array_like=True, frozen=True):
    """A redirect: its target takes over the place of the request it comes from."""

    id: int
    delivery: int
    fingerprint: str
    slot: str
    priority: int
    payload: msgspec.Raw


class Nack(msgspec.Struct, array_like=True, frozen=True):
    """To be tried again."""

    id: int
    delivery: int
    delay_ms: int
    slot: str
    priority: int
    payload: msgspec.Raw


class Burial(msgspec.Struct, array_like=True, frozen=True):
    """Will not be tried again; the letter is what people read about it."""

    id: int
    delivery: int
    letter: msgspec.Raw


class Step(msgspec.Struct, kw_only=True):
    """One checkpoint of one worker. The same sequence again changes nothing."""

    token: str
    epoch: int
    sequence: int
    lease: int  # ms
    push: Sequence[Push] = ()
    move: Sequence[Move] = ()
    nack: Sequence[Nack] = ()
    bury: Sequence[Burial] = ()
    release: Sequence[End] = ()
    ack: Sequence[End] = ()
    taken: Sequence[msgspec.Raw] = ()
    filtered: Mapping[str, int] = {}
    pages: int = 0
    started: bool = False
    logged: Sequence[int] = ()
    arm: Sequence[int] = ()
    want: int = 0
    turn: int = 1
    skip: Sequence[str] = ()
    arm_new: int = 0


class Leased(msgspec.Struct, array_like=True, frozen=True):
    """A request that this worker may process until its lease ends."""

    id: int
    attempt: int
    delivery: int
    deaths: int  # of workers that had begun it
    slot: str
    priority: int
    payload: bytes


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
class Heard:
    """The frontier's answer to a step."""

    now_ms: int  # the server's clock
    pushed: str  # "1" added, "0" known, in the order of push
    leased: list[Leased]
    ledger: Ledger
    letters: dict[int, bytes]  # dead letters of the reaper that want a log row: id and leased record
    finished: bool
