"""Schedules: all of them, one with its history and its next times, and the form that keeps one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard import scheduling
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.pages.starting import lines_of, pairs
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.schedules.shown import read_schedule, read_schedules
from scraping_project.schedules.targets import RunTarget, kept_of
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling.schedules import AskedSchedule, Late, Overlap, Schedule

FIELDS = (
    "name",
    "spider",
    "timing",
    "timezone",
    "arguments",
    "settings",
    "overlap",
    "late",
    "grace",
    "jitter",
)
#: What the form of a new schedule begins with.
NEW = {"timezone": "UTC", "overlap": "skip", "late": "once", "grace": "3600", "jitter": "0"}


@get("/schedules", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    found = shared(request, read_schedules)
    return page(request, "schedules.html", found=found, away=stores_of(request).away, api="/api/v1/schedules")


@get("/schedules/new", for_operators=True, include_in_schema=False)
@in_thread
def form_for_new(request: Asked) -> Response[Any]:
    return _form(request, NEW)


@post("/schedules", include_in_schema=False, status_code=200)
async def keep_new(request: Asked) -> Response[Any]:
    return await _keep(request, None)


@get("/schedules/{name:str}", include_in_schema=False)
@in_thread
def show(request: Asked, name: FromPath[str]) -> Response[Any]:
    try:
        found = shared(request, read_schedule, name, request.query_params.get("cursor") or None)
    except ValueError as error:
        raise ClientException(str(error)) from error
    except StorageError:
        found = None
    else:
        if found is None:
            raise NotFoundException(f"There is no schedule {name[:64]!r}: /schedules lists them.")
    return page(
        request,
        "schedule.html",
        name=name,
        found=found,
        away=stores_of(request).away,
        api=f"/api/v1/schedules/{quote(name)}",
    )


@get("/schedules/{name:str}/edit", for_operators=True, include_in_schema=False)
@in_thread
def form_for_edit(request: Asked, name: FromPath[str]) -> Response[Any]:
    """The form, filled in with a schedule that starts runs; others are edited in a terminal."""
    found = shared(request, read_schedule, name, None)
    if found is None:
        raise NotFoundException(f"There is no schedule {name[:64]!r}: /schedules lists them.")
    if found.target.get("kind") != "run":
        raise ClientException(f"it starts no runs: edit it by scrapy schedule edit {name}")
    typed = {
        "name": name,
        "spider": found.target["spider"],
        "timing": found.timing,
        "timezone": found.timezone,
        "arguments": lines_of(found.target.get("arguments", {})),
        "settings": lines_of(found.target.get("settings", {})),
        "overlap": found.overlap,
        "late": found.late,
        "grace": str(found.grace_seconds),
        "jitter": str(found.jitter_seconds),
    }
    return _form(request, typed, edited=name)


@post("/schedules/{name:str}/edit", include_in_schema=False, status_code=200)
async def keep_edited(request: Asked, name: FromPath[str]) -> Response[Any]:
    return await _keep(request, name)


@post("/schedules/{name:str}/pause", include_in_schema=False)
async def pause(request: Asked, name: FromPath[str]) -> Redirect:
    form = await Form.checked(request)
    hours = form.text("hours")
    length = timedelta(hours=_whole("hours", hours)) if hours else None
    await sync_to_thread(scheduling.pause, request, name, length, form.text("note") or None)
    return see_other(f"/schedules/{quote(name)}?done=schedule-paused")


@post("/schedules/{name:str}/{word:str}", include_in_schema=False)
async def switch(request: Asked, name: FromPath[str], word: FromPath[str]) -> Redirect:
    await Form.checked(request)
    await sync_to_thread(scheduling.switch, request, name, word)
    back = "/schedules" if word == "remove" else f"/schedules/{quote(name)}"
    return see_other(f"{back}?done=scheduled")


async def _keep(request: Asked, edited: str | None) -> Response[Any]:
    form = await Form.checked(request)
    typed = {name: form.text(name).strip() for name in FIELDS}
    try:
        await sync_to_thread(scheduling.keep, request, lambda now, old: _asked(typed, now, old), edited)
    except (RunRequestError, ClientException) as error:
        problem = error.detail if isinstance(error, ClientException) else str(error)
        return _form(request, typed, edited=edited, problem=problem, status=400)
    return see_other(f"/schedules/{quote(typed['name'])}?done=scheduled")


def _asked(typed: Mapping[str, str], now: datetime, old: Schedule | None) -> AskedSchedule:
    return AskedSchedule(
        name=typed["name"],
        timing=typed["timing"],
        timezone=typed["timezone"] or "UTC",
        target=kept_of(RunTarget(typed["spider"], pairs(typed["arguments"]), pairs(typed["settings"]))),
        anchor=now,
        late=cast("Late", typed["late"]),  # it is checked before it is kept
        overlap=cast("Overlap", typed["overlap"]),
        grace_seconds=_whole("grace", typed["grace"] or NEW["grace"]),
        jitter_seconds=_whole("jitter", typed["jitter"] or "0"),
        pause_after=old.pause_after if old else None,  # the form does not ask for it
    )


def _form(
    request: Asked,
    typed: dict[str, str],
    *,
    edited: str | None = None,
    problem: str = "",
    status: int = 200,
) -> Response[Any]:
    return page(
        request,
        "schedule_form.html",
        status=status,
        spiders=stores_of(request).spiders,
        typed={name: typed.get(name, "") for name in FIELDS},
        edited=edited,
        problem=problem,
    )


def _whole(what: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004  as a column takes it
        raise ClientException(f"{what} is a whole number, not {text[:30]!r}")
    return int(text)
