"""What the frontier ought to hold, in plain lists and dictionaries, and what it holds."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from msgspec.structs import replace

from scraping_project.frontier.messages import Leased, read_leased

ROOT = "{links:start_urls}:"


@dataclass
class Request:
    slot: str
    priority: int
    payload: bytes
    attempt: int = 1
    deliveries: int = 0
    deaths: int = 0
    state: str = "queued"
    reason: str = ""  # of its death


@dataclass
class Holder:
    held: list[int] = field(default_factory=list)  # in the order in which they were leased
    armed: set[int] = field(default_factory=set)
    starting: bool = True
    condemned: bool = False


class Crawl:
    """One crawl; each method does what the verb of its name promises."""

    def __init__(self):
        self.requests = {}
        self.queues = defaultdict(list)  # (slot, priority) to ids
        self.suspects = defaultdict(list)  # slot to ids
        self.holders = {}  # token
        self.known = set()
        self.pages = 0  # answered
        self.outbox = set()
        self.counts = defaultdict(int)
        self.given = set()  # (id, delivery): no delivery is made twice, unless it was given back untouched

    def total(self, state):
        return sum(request.state == state for request in self.requests.values())

    @property
    def finished(self):
        waiting = any(self.total(state) for state in ("queued", "delayed", "leased")) or self.outbox
        return not waiting and not any(holder.starting for holder in self.holders.values())

    def push(self, request):
        if request.fingerprint in self.known:
            self.counts["filtered:duplicate"] += 1
            return "0"
        self.known |= {request.fingerprint} - {""}
        new = Request(request.slot, request.priority, bytes_of(request.payload))
        self.requests[len(self.requests) + 1] = new
        self._enqueue(len(self.requests))
        return "1"

    def move(self, holder, move):
        if not self._let_go(holder, move):
            return
        request = self.requests[move.id]
        if move.fingerprint in self.known:
            self.counts["filtered:redirect known"] += 1
            request.state = "done"
            return
        self.known |= {move.fingerprint} - {""}
        self._change(request, move)
        self._enqueue(move.id, front=True)

    def nack(self, holder, nack):
        if not self._let_go(holder, nack):
            return
        request = self.requests[nack.id]
        self._change(request, nack)
        request.attempt += 1
        if nack.delay_ms:
            request.state = "delayed"
        else:
            self._enqueue(nack.id)

    def bury(self, holder, burial):
        if self._let_go(holder, burial):
            self.requests[burial.id].state = "dead"
            self.requests[burial.id].reason = json.loads(bytes_of(burial.letter))["reason"]

    def release(self, holder, ends):
        for end in reversed(ends):
            if self._let_go(holder, end):
                self._untouched(end.id)

    def ack(self, holder, end):
        if self._let_go(holder, end):
            self.requests[end.id].state = "done"

    def due(self, ids):
        for each in ids:
            self._enqueue(each)

    def suspect_of(self, holder):
        return next((each for each in holder.held if self.requests[each].deaths), None)

    def lease(self, holder, step, answer):
        """Takes what was answered for granted in one thing only: the order of the slots."""
        had, left = self.suspect_of(holder), min(step.want, self._lacking(step))
        if left and not answer:
            assert not self._takeable(had, step.skip), "nothing was leased though something could be"
        slots = list(dict.fromkeys(request.slot for request in answer))
        assert not set(slots) & set(step.skip)
        expected = []
        for slot in slots:
            expected += self._take(holder, slot, min(step.turn, left - len(expected)))
        armed = [replace(each, armed=at < step.arm_new) for at, each in enumerate(expected)]
        assert answer == armed
        holder.armed |= {request.id for request in answer[: step.arm_new]}

    def _lacking(self, step):
        places = step.max_pages - self.pages - self.total("leased")
        return max(places, 0) if step.max_pages else step.want

    def _take(self, holder, slot, most):
        ids = []
        if self.suspect_of(holder) is None and self.suspects[slot]:
            ids.append(self.suspects[slot].pop(0))
        for priority in sorted((each for name, each in self.queues if name == slot), reverse=True):
            queue = self.queues[slot, priority]
            while queue and len(ids) < most:
                ids.append(queue.pop(0))
        return [self._give(holder, each) for each in ids]

    def _give(self, holder, request_id):
        request = self.requests[request_id]
        request.state = "leased"
        request.deliveries += 1
        assert (request_id, request.deliveries) not in self.given
        self.given.add((request_id, request.deliveries))
        holder.held.append(request_id)
        fields = (request.slot, request.priority, request.payload)
        return Leased(request_id, request.attempt, request.deliveries, request.deaths, *fields)

    def _takeable(self, suspect, skip):
        queued = [slot for (slot, _), queue in self.queues.items() if queue]
        suspects = [] if suspect else [slot for slot, queue in self.suspects.items() if queue]
        return set(queued + suspects) - set(skip)

    def leave(self, token):
        holder = self.holders.pop(token)
        for each in reversed(holder.held):
            self._untouched(each)
        return len(holder.held)

    def reap(self, gone, most, deaths):
        reaped = []
        condemned = sorted(token for token, holder in self.holders.items() if holder.condemned)
        for token in [*condemned, *gone]:
            holder = self.holders[token]
            self._condemn(holder)
            while holder.held and most:
                self._return(holder, holder.held.pop(), deaths)
                most -= 1
            if not holder.held:
                del self.holders[token]
                reaped.append(token)
        return reaped

    def _condemn(self, holder):
        suspect = self.suspect_of(holder)
        if not holder.condemned and suspect in holder.armed:
            holder.armed = {suspect}
        holder.condemned = True

    def _return(self, holder, request_id, deaths):
        request = self.requests[request_id]
        blamed = request_id in holder.armed
        request.deaths += blamed
        holder.armed.discard(request_id)
        if request.deaths < deaths:
            self._put_back(request_id, again=blamed and request.deaths > 1)
            return
        request.state, request.reason = "dead", "deliveries"
        self.outbox.add(request_id)

    def requeue(self, request_id):
        request = self.requests[request_id]
        request.attempt, request.deliveries, request.deaths = request.attempt + 1, 0, 0
        self.given = {given for given in self.given if given[0] != request_id}
        self._enqueue(request_id)

    def _let_go(self, holder, end):
        if end.id not in holder.held or self.requests[end.id].deliveries != end.delivery:
            self.counts["stale"] += 1
            return False
        holder.held.remove(end.id)
        holder.armed.discard(end.id)
        return True

    def _change(self, request, change):
        request.slot, request.priority = change.slot, change.priority
        request.payload, request.deaths = bytes_of(change.payload), 0

    def _untouched(self, request_id):
        request = self.requests[request_id]
        self.given.remove((request_id, request.deliveries))
        request.deliveries -= 1
        self._put_back(request_id)

    def _put_back(self, request_id, *, again=False):
        request = self.requests[request_id]
        if not request.deaths:
            self._enqueue(request_id, front=True)
            return
        request.state = "queued"
        suspects = self.suspects[request.slot]
        suspects.insert(len(suspects) if again else 0, request_id)

    def _enqueue(self, request_id, *, front=False):
        request = self.requests[request_id]
        request.state = "queued"
        queue = self.queues[request.slot, request.priority]
        queue.insert(0 if front else len(queue), request_id)

    def groups(self, ids=None):
        """How many requests are dead of each reason and slot, of all or of these."""
        dead = [self.requests[each] for each in (self.requests if ids is None else ids)]
        return Counter(f"{each.reason} {each.slot}" for each in dead if each.state == "dead")

    def content(self):
        """What Redis must hold, in the form in which ``content_of`` reads it."""
        in_state = {
            state: {each for each, request in self.requests.items() if request.state == state}
            for state in ("delayed", "dead")
        }
        return {
            "queues": {name: queue for name, queue in self.queues.items() if queue},
            "suspects": {slot: queue for slot, queue in self.suspects.items() if queue},
            "held": {token: set(holder.held) for token, holder in self.holders.items() if holder.held},
            "armed": {token: holder.armed for token, holder in self.holders.items() if holder.armed},
            "workers": set(self.holders),
            "delayed": in_state["delayed"],
            "dead": in_state["dead"],
            "buried": in_state["dead"],
            "outbox": self.outbox,
        }


def bytes_of(blob):
    return bytes(blob)[3:]  # of fewer than 65,536


def content_of(server, epoch):
    """What Redis holds of a crawl."""
    found = {"queues": {}, "suspects": {}, "held": {}, "armed": {}}
    for key in (key.decode().removeprefix(ROOT) for key in server.scan_iter(ROOT + "*")):
        if key.startswith("leases:"):
            found["held"][key.removeprefix("leases:")] = ids_of(server.hkeys(ROOT + key))
        elif key.startswith("armed:"):
            found["armed"][key.removeprefix("armed:")] = ids_of(server.smembers(ROOT + key))
        elif key.startswith(f"{epoch}:queue:"):
            priority, slot = key.removeprefix(f"{epoch}:queue:").split(":", 1)
            queue = server.lrange(ROOT + key, 0, -1)
            found["queues"][slot, int(priority)] = [int.from_bytes(record[:5], "big") for record in queue]
        elif key.startswith(f"{epoch}:suspects:"):
            slot = key.removeprefix(f"{epoch}:suspects:")
            found["suspects"][slot] = [read_leased(record).id for record in server.lrange(ROOT + key, 0, -1)]
    found["workers"] = {token.decode() for token in server.zrange(ROOT + "workers", 0, -1)}
    found["delayed"] = {read_leased(record).id for record in server.zrange(f"{ROOT}{epoch}:delayed", 0, -1)}
    for name in ("dead", "buried", "outbox"):
        found[name] = ids_of(server.hkeys(f"{ROOT}{epoch}:{name}"))
    return found


def groups_of(server, epoch):
    """What Redis has counted of the dead."""
    return dict(server.zrange(f"{ROOT}{epoch}:buried_by", 0, -1, withscores=True))


def ids_of(fields):
    return {int(each) for each in fields}
