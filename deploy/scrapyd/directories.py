import os
from pathlib import Path

from scrapy.utils.conf import closest_scrapy_cfg
from scrapyd.config import Config


def data_dir() -> Path:
    """Returns DATA_DIR made absolute; unset, it is ``data/`` beside scrapy.cfg."""
    return Path(os.environ.get("DATA_DIR") or Path(closest_scrapy_cfg()).parent / "data").resolve()


def place_in_data_dir(config: Config) -> None:
    """Puts Scrapyd's eggs, logs and databases under DATA_DIR and hands an absolute DATA_DIR to its runs."""
    directory = str(data_dir())
    os.environ["DATA_DIR"] = directory
    # scrapyd.conf builds its directories on this option, in which a bare % would begin an interpolation.
    config.cp.set(config.SECTION, "data_dir", directory.replace("%", "%%"))
