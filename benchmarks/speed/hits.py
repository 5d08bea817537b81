"""What the site saw: the throughput of every program is counted here, not by the program."""

from collections.abc import Iterable

from testing.servers import NginxServer, Request

OK = 200


class Hits:
    """Counts requests while they are answered; the record must have begun empty."""

    def __init__(self, site: NginxServer) -> None:
        self._log = (site.directory / "access.log").open("rb")
        self._count = 0

    def count(self) -> int:
        """How many requests were answered so far."""
        self._count += self._log.read().count(b"\n")
        return self._count

    def close(self) -> None:
        self._log.close()


def pages(requests: Iterable[Request], began: float, ended: float) -> int:
    """How many pages were answered between two instants, each counted once, when it was first fetched."""
    first: dict[str, float] = {}
    for request in requests:
        if request.status == OK and request.content_type.startswith("text/html"):
            first.setdefault(request.uri, request.ended)
    return sum(began < instant <= ended for instant in first.values())
