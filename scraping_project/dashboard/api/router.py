"""The addresses below /api/."""

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from scraping_project import __version__
from scraping_project.dashboard.api import changes, health, reads, scheduling

VERSION_1 = "/api/v1"

OPENAPI = OpenAPIConfig(
    title="Control tower",
    version=__version__,
    summary="What is crawled, what fails and why; retry, seed, pause, run.",
    path="/api",
    render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    components=Components(
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description="One of DASHBOARD_TOKENS."),
            "password": SecurityScheme(type="http", scheme="basic", description="A login of the dashboard."),
        }
    ),
    security=[{"token": []}, {"password": []}],
)


def router() -> Router:
    """Returns all handlers of the API."""
    return Router(
        VERSION_1,
        route_handlers=[*reads.HANDLERS, *changes.HANDLERS, *scheduling.HANDLERS, health.health],
    )
