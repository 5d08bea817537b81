"""The messages that wait for the next steps, and how many of them one step has room for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from scraping_project.frontier.messages import Burial, End, Move, Nack, Push, Refusal, Step

#: What a step holds at the most: bytes of requests and letters, or one of them that alone is larger; entries,
#: and links to look up. Redis takes some 10 ms for each.
STEP_BYTES, STEP_ENTRIES, STEP_LOOK_UPS = 2**20, 1_000, 4_000

#: So many requests, or so many bytes of them, are enough to wait for: what asks for more is held back.
CROWDED, CROWDED_BYTES = 2 * STEP_ENTRIES, 8 * STEP_BYTES

#: What changes the frontier, entry by entry, in the order in which it gets room in a step.
_FREE = ("ack", "release", "move", "nack", "push", "refuse")
#: Those that wait for the pushes and refusals that came before: their requests have asked for these.
_GATED = ("bury", "ack_parents", "taken")
ENTRIES = (*_FREE, *_GATED)


@dataclass(slots=True)
class Room:
    """What is left in a step."""

    bytes: int = STEP_BYTES
    entries: int = STEP_ENTRIES
    _begun: bool = False  # something of some size is in it

    def prefix(self, entries: Sequence[Any], size_of: Callable[[Any], int]) -> int:
        """How many of these, from the first on, come into the step."""
        for place, entry in enumerate(entries[: self.entries]):
            size = size_of(entry)
            if size > self.bytes and self._begun:
                self.entries -= place
                return place
            self.bytes = max(self.bytes - size, 0)
            self._begun = self._begun or size > 0
        taken = min(len(entries), self.entries)
        self.entries -= taken
        return taken


def _nothing(_: End) -> int:
    return 0


def _payload(entry: Push | Move | Nack) -> int:
    return len(entry.payload)


_SIZED: dict[str, Callable[[Any], int]] = {
    "move": _payload,
    "nack": _payload,
    "push": _payload,
    "refuse": lambda refusal: len(refusal.letter) + len(refusal.payload),
    "bury": lambda burial: len(burial.letter),
    "taken": len,
}
_SIZES = dict.fromkeys(ENTRIES, _nothing) | _SIZED


@dataclass(slots=True)
class _Gate:
    """So many entries of the lists that wait may pass once so many of the others are through."""

    push: int
    refuse: int
    bury: int
    ack_parents: int
    taken: int

    def __bool__(self) -> bool:
        return any(getattr(self, name) > 0 for name in _GATED)

    def shift(self, by: "Outgoing | Step", sign: int) -> None:
        """Count again, after ``by`` went to the front of the queue (1), or left it (-1)."""
        for name in self.__slots__:
            setattr(self, name, max(getattr(self, name) + sign * len(getattr(by, name)), 0))


@dataclass(slots=True)
class Outgoing:
    """What has been gathered for the next steps."""

    push: list[Push] = field(default_factory=list)
    refuse: list[Refusal] = field(default_factory=list)
    move: list[Move] = field(default_factory=list)
    nack: list[Nack] = field(default_factory=list)
    bury: list[Burial] = field(default_factory=list)
    release: list[End] = field(default_factory=list)
    ack: list[End] = field(default_factory=list)
    ack_parents: list[End] = field(default_factory=list)
    taken: list[msgspec.Raw] = field(default_factory=list)
    filtered: dict[str, int] = field(default_factory=dict)
    logged: list[int] = field(default_factory=list)
    look_up: list[str] = field(default_factory=list)
    pages: int = 0
    leapt: bool = False  # Redis's clock was set forward, see lua/parts/leap.lua
    push_bytes: int = field(default=0, compare=False)  # of what came by ``add_push``
    _gates: list[_Gate] = field(default_factory=list, repr=False)  # of what was queued before the last cut

    def __bool__(self) -> bool:
        return any(getattr(self, word) for word in WORDS)

    @property
    def bytes(self) -> int:
        """What all of its requests, letters and seeds take."""
        return sum(sum(map(_SIZES[name], getattr(self, name))) for name in _SIZED)

    @property
    def is_crowded(self) -> bool:
        """Whether more is to be pushed than the next steps have room for."""
        return len(self.push) >= CROWDED or self.push_bytes >= CROWDED_BYTES

    def add_push(self, push: Push) -> None:
        self.push.append(push)
        self.push_bytes += len(push.payload)

    def add_refusal(self, refusal: Refusal) -> None:
        self.refuse.append(refusal)

    def add_taken(self, seed: msgspec.Raw) -> None:
        """Let a seed leave the worker's list, once the pushes that came before are sent."""
        self.taken.append(seed)

    def add_ack(self, end: End, *, after_pushes: bool) -> None:
        """End a lease well; after the pushes that came before, where its request has asked for some."""
        (self.ack_parents if after_pushes else self.ack).append(end)

    def add_nack(self, nack: Nack) -> None:
        self.nack.append(nack)

    def add_move(self, move: Move) -> None:
        self.move.append(move)

    def add_burial(self, burial: Burial) -> None:
        self.bury.append(burial)

    def add_release(self, end: End) -> None:
        self.release.append(end)

    def add_look_ups(self, fingerprints: Sequence[str]) -> int:
        """Returns how many fingerprints wait to be looked up."""
        self.look_up.extend(fingerprints)
        return len(self.look_up)

    def add_logged(self, ids: Iterable[int]) -> None:
        """Let the frontier know that the letters of these requests have their log rows."""
        self.logged.extend(ids)

    def count_filtered(self, reason: str, by: int = 1) -> None:
        self.filtered[reason] = self.filtered.get(reason, 0) + by

    def cut(self, room: Room) -> tuple["Outgoing", "Outgoing"]:
        """What one step has room for, the oldest first, and the rest.

        What ends a page, or a seed, comes with all the requests that it has asked for, or after them.
        """
        entries = sum(len(getattr(self, name)) for name in ENTRIES)
        if entries <= room.entries and len(self.look_up) <= STEP_LOOK_UPS and self.bytes <= room.bytes:
            return self, Outgoing()
        now = Outgoing(
            filtered=self.filtered,
            logged=self.logged,
            pages=self.pages,
            leapt=self.leapt,
            look_up=self.look_up[:STEP_LOOK_UPS],
        )
        later = Outgoing(look_up=self.look_up[STEP_LOOK_UPS:])
        for name in _FREE:
            self._part(name, now, later, room)
        gates = [*self._gates, _gate(self)]
        opened = _Gate(0, 0, 0, 0, 0)
        for gate in gates:
            if gate.push <= len(now.push) and gate.refuse <= len(now.refuse):
                opened = gate
        for name in _GATED:
            self._part(name, now, later, room, getattr(opened, name))
        later.push_bytes = sum(map(_payload, later.push))
        for gate in gates:
            gate.shift(now, -1)
        later._gates = [gate for gate in gates if gate]
        return now, later

    def put_back(self, step: Step) -> None:
        """Queue again, before all else, what a step was to send."""
        for gate in self._gates:
            gate.shift(step, 1)
        self._gates.insert(0, _gate(step))
        for word in WORDS:
            value = getattr(step, word)
            if isinstance(value, list):
                setattr(self, word, [*value, *getattr(self, word)])
        for reason, count in step.filtered.items():
            self.count_filtered(reason, count)
        self.pages += step.pages
        self.leapt |= step.leapt
        self.push_bytes += sum(map(_payload, step.push))

    def _part(
        self, name: str, now: "Outgoing", later: "Outgoing", room: Room, most: int | None = None
    ) -> None:
        entries = getattr(self, name)
        place = room.prefix(entries[:most], _SIZES[name])
        setattr(now, name, entries[:place])
        setattr(later, name, entries[place:])


WORDS = tuple(each.name for each in fields(Outgoing) if each.name not in ("push_bytes", "_gates"))


def _gate(outgoing: Outgoing | Step) -> _Gate:
    return _Gate(*(len(getattr(outgoing, name)) for name in _Gate.__slots__))
