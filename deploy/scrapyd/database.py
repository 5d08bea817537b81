"""The table runs for Scrapyd and the runner, with the code of the tree they were started in."""

from scrapyd.config import Config
from sqlalchemy import Engine

from deploy.scrapyd.directories import place_in_data_dir
from scraping_project.storage.engine import connect


def database(config: Config) -> Engine:
    """Returns the engine that the runs of this node use; nothing is sent yet."""
    place_in_data_dir(config)
    from scraping_project.settings import DATABASE_URL  # noqa: PLC0415  it reads DATA_DIR, which is set now

    return connect(DATABASE_URL)
