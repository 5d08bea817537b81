"""The id of a crawl is in every row of it, whatever its frontier is called."""

import pytest

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.worker import Worker
from scraping_project.storage.tables import ID_LENGTH


class Server:
    """Stands in for a frontier: it notes the ids of the crawls that workers would begin."""

    def __init__(self, name):
        self.keys = Keys(name)
        self.ids = []

    def members(self):
        return []

    def join(self, *_, crawl_id, **__):
        self.ids.append(crawl_id)
        return Joined(epoch=1, crawl_id=crawl_id, began=True, queued=0, pages=0, alone=True)


@pytest.mark.parametrize("name", ["links", "x" * 64])
def test_it_begins_with_the_frontier_s_name_fits_its_column_and_is_no_other_s(name):
    server = Server(name)
    worker = Worker(server, rules="{}", seeds="", lease_ms=1000)

    worker.join()
    worker.join()

    first, second = server.ids
    assert first != second
    assert first.startswith(f"{name[:40]}-2")
    assert len(first) <= ID_LENGTH
