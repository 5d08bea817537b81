"""How the end of an attempt becomes the end of its lease."""

import msgspec

from scraping_project.attempts import Attempt, Outcome, utc_now
from scraping_project.frontier.steps import Burial, End, Move, Nack, blob
from scraping_project.frontier.worker import Said


def say(said: Said, attempt: Attempt, outcome: Outcome | None) -> None:
    """Add the end of the attempt's lease to what is said next; nothing when it holds none (any more)."""
    leased = attempt.leased
    if leased is None:
        return
    end = End(leased.id, leased.delivery)
    successor = attempt.successor
    if attempt.was_left:
        said.release.append(end)
    elif successor is not None and outcome is not None:
        again = (attempt.retry_in_ms, successor.slot, successor.priority, successor.payload)
        said.nack.append(Nack(leased.id, leased.delivery, *again))
    elif successor is not None:
        place = (successor.fingerprint, successor.slot, successor.priority, successor.payload)
        said.move.append(Move(leased.id, leased.delivery, *place))
    elif outcome is not None and outcome[0] == "dead":
        said.bury.append(Burial(leased.id, leased.delivery, blob(letter(attempt, outcome))))
    else:
        (said.ack_parents if attempt.asked else said.ack).append(end)
    if outcome is not None and outcome[0] == "filtered" and outcome[1]:
        said.filtered[outcome[1]] = said.filtered.get(outcome[1], 0) + 1


def letter(attempt: Attempt, outcome: Outcome) -> bytes:
    """What people read about a dead letter, beside the request itself."""
    _, reason, message = outcome
    text = {
        "reason": reason,
        "message": message,
        "attempts": attempt.number,
        "at": utc_now().isoformat(),
    }
    return msgspec.json.encode(text)
