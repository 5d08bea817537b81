"""Runs the supervisor of one data directory: ``python -m scraping_project.embedded DATA_DIR PORT LINGER``."""

import sys
from pathlib import Path

from scraping_project.embedded.supervisor import main

if __name__ == "__main__":
    _, data_dir, port, linger = sys.argv
    main(Path(data_dir), int(port), float(linger))
