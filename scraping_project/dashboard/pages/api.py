"""What the API offers, as a page made from its own description."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from scraping_project.dashboard.rendering import Asked, page


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the API, and one method."""

    method: str
    path: str
    summary: str
    parameters: tuple[str, ...]


@get("/help/api", include_in_schema=False)
async def show(request: Asked) -> Response[Any]:
    return page(request, "api.html", endpoints=list(_endpoints(request.app.openapi_schema.to_schema())))


def _endpoints(schema: dict[str, Any]) -> Iterator[Endpoint]:
    for path, item in sorted(schema["paths"].items()):
        for method, operation in item.items():
            names = tuple(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
            yield Endpoint(method.upper(), path, operation.get("summary", ""), names)
