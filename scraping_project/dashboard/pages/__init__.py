"""The pages: one file a page, thin over the monitor."""

from typing import Any

from scraping_project.dashboard.pages import frontier, health, login, overview, runs


def handlers() -> list[Any]:
    """Returns the handlers of all pages."""
    return [
        login.show,
        login.log_in,
        login.log_out,
        overview.show,
        frontier.show_all,
        runs.show_all,
        runs.show,
        health.show,
    ]
