"""Works off the actions that take more than one step; each has one worker at a time."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import redis
from sqlalchemy import Engine

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.keys import Keys
from scraping_project.operations.retry import Place, Retry, Touched
from scraping_project.storage.actions import advance, claim, fail, finish
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.failed_pages import WhichPages

logger = logging.getLogger(__name__)

#: Seconds that a claim lasts without a slice: then somebody else goes on.
CLAIM_SECONDS = 30


def work_off(
    engine: Engine,
    server: redis.Redis,
    frontiers: list[Keys],
    *,
    slot_by: str,
    who: str,
    ending: Callable[[], bool],
) -> str | None:
    """Takes one open action and does it; returns its id, None when there was none.

    Args:
        engine: The database.
        server: Where the frontiers are.
        frontiers: The keys of all of them.
        slot_by: The setting FRONTIER_SLOT_BY.
        who: Names this worker, and no other.
        ending: Whether this worker is to end; it is asked after each slice.

    Raises:
        StorageError: The database is away; the action stays claimed, and is gone on with.
        FrontierError: The same for Redis.
    """
    action = claim(engine, who, CLAIM_SECONDS)
    if action is None:
        return None
    try:
        retry = Retry(
            action.id,
            which_of(action.filter),
            server=server,
            engine=engine,
            frontiers={keys.name: keys for keys in frontiers},
            slot_by=slot_by,
        )
        touched = Touched(**action.result) if action.result else Touched()
        for place in retry.work(place_of(action.cursor), touched):
            if not advance(
                engine,
                action.id,
                who,
                done=touched.total,
                cursor=text_of(place),
                result=result_of(touched),
                seconds=CLAIM_SECONDS,
            ):
                return action.id  # it was cancelled, or somebody else goes on with it
            if ending():
                return action.id  # the claim lapses
        finish(engine, action.id, who, done=touched.total, result=result_of(touched))
    except (StorageError, FrontierError):
        raise
    except Exception as error:
        logger.exception("The action %s failed", action.id)
        fail(engine, action.id, who, f"{type(error).__name__}: {error}")
    return action.id


def filter_of(which: WhichPages) -> dict[str, Any]:
    """The failures that are meant, as an action keeps them."""
    kept: dict[str, Any] = {"since": which.since.isoformat(), "until": which.until.isoformat()}
    if which.log_ids is not None:
        kept["log_ids"] = list(which.log_ids)
    return kept | {
        name: value for name in ("reason", "domain") if (value := getattr(which, name)) is not None
    }


def which_of(kept: Mapping[str, Any]) -> WhichPages:
    """What ``filter_of`` made of it."""
    ids = kept.get("log_ids")
    return WhichPages(
        since=datetime.fromisoformat(kept["since"]),
        until=datetime.fromisoformat(kept["until"]),
        reason=kept.get("reason"),
        domain=kept.get("domain"),
        log_ids=None if ids is None else tuple(ids),
    )


def place_of(cursor: str | None) -> Place:
    moment, _, log_id = (cursor or "").partition(" ")
    return Place(datetime.fromisoformat(moment), int(log_id)) if moment else Place()


def text_of(place: Place) -> str:
    return f"{place.moment.isoformat()} {place.log_id}" if place.moment else ""


def result_of(touched: Touched) -> dict[str, Any]:
    return {
        "letters": touched.letters,
        "pages": touched.pages,
        "without_crawl": touched.without_crawl,
        "frontiers": touched.frontiers,
        "epochs": touched.epochs,
    }
