"""The pages: one file a page, thin over the monitor."""

from typing import Any

from scraping_project.dashboard.pages import (
    actions,
    api,
    dead,
    failures,
    frontier,
    health,
    login,
    logs,
    overview,
    runs,
    seeds,
    sites,
    starting,
)


def handlers() -> list[Any]:
    """Returns the handlers of all pages."""
    return [
        login.show,
        login.log_in,
        login.log_out,
        overview.show,
        frontier.show_all,
        frontier.show,
        frontier.pause,
        frontier.resume,
        frontier.order,
        frontier.start_run,
        dead.show,
        dead.requeue,
        runs.show_all,
        runs.show,
        runs.download_log,
        health.show,
        api.show,
        starting.form_for_run,
        starting.start_run,
        starting.ask_to_cancel,
        starting.cancel_run,
        seeds.show,
        seeds.push,
        failures.show,
        failures.show_group,
        failures.retry,
        logs.show,
        sites.show_all,
        sites.show,
        sites.again,
        actions.show_all,
        actions.show,
        actions.cancel,
    ]
