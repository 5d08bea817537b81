"""The pages: one file a page, thin over the monitor."""

from typing import Any

from scraping_project.dashboard.pages import frontier, login


def handlers() -> list[Any]:
    """Returns the handlers of all pages."""
    return [login.show, login.log_in, login.log_out, frontier.show_all]
