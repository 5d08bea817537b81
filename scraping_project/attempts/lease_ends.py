"""How the end of an attempt becomes the end of its lease."""

import msgspec

from scraping_project.attempts.registry import Attempt, Outcome, utc_now
from scraping_project.frontier.messages import Burial, End, Move, Nack, blob
from scraping_project.frontier.outgoing import Outgoing


def add(outgoing: Outgoing, attempt: Attempt, outcome: Outcome | None) -> None:
    """Add the end of the attempt's lease to what is sent next.

    An attempt without a lease adds nothing; but when it never had one, it adds what takes its place.
    """
    leased = attempt.leased
    if leased is None:
        _push_successor(outgoing, attempt)
        return
    end = End(leased.id, leased.delivery)
    successor = attempt.successor
    if attempt.was_left:
        outgoing.add_release(end)
    elif successor is not None and outcome is not None:
        again = (attempt.retry_in_ms, successor.slot, successor.priority, successor.payload)
        outgoing.add_nack(Nack(leased.id, leased.delivery, *again))
    elif successor is not None:
        place = (successor.fingerprint, successor.slot, successor.priority, successor.payload)
        outgoing.add_move(Move(leased.id, leased.delivery, *place))
    elif outcome is not None and outcome.status == "dead":
        outgoing.add_burial(Burial(leased.id, leased.delivery, blob(letter(attempt, outcome))))
    else:
        outgoing.add_ack(end, after_pushes=attempt.asked)
    if outcome is not None and outcome.status == "filtered" and outcome.reason:
        outgoing.count_filtered(outcome.reason)


def _push_successor(outgoing: Outgoing, attempt: Attempt) -> None:
    """Push the redirect or retry of a request that can't be written down, and had no place to leave to it.

    A retry's delay is not kept: in this process it would not have waited either, and a Retry-After holds for
    the whole slot.
    """
    root = attempt.root
    with_others = root.leased is None and not root.unstorable  # who asks for all of it again
    if attempt.successor is None or attempt.was_left or with_others:
        return
    outgoing.add_push(attempt.successor)
    root.asked = True  # even a full Redis, which pushes nothing, must not end its lease before


def letter(attempt: Attempt, outcome: Outcome) -> bytes:
    """What people read about a dead letter, beside the request itself."""
    text = {
        "reason": outcome.reason,
        "message": outcome.message,
        "attempts": attempt.number,
        "at": utc_now().isoformat(),
    }
    return msgspec.json.encode(text)
