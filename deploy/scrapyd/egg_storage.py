"""Eggs, each written completely or not at all; the newest is the one deployed last."""

import time
from pathlib import Path
from typing import IO
from uuid import uuid4

from scrapyd.eggstorage import FilesystemEggStorage


class EggStorage(FilesystemEggStorage):  # type: ignore[misc]  # Scrapyd has no types
    """Stock storage, except that versions have the order of their deploys, and no egg is ever replaced.

    A version names a commit, so names have no order: ``r10`` would sort before ``r9``. A run reads its egg
    again whenever it imports, so a version that is deployed again is stored beside the first.
    """

    def put(self, eggfile: IO[bytes], project: str, version: str) -> str:
        """Stores an egg and returns the version it got."""
        path = Path(self._egg_path(project, version))
        if path.exists():
            path = Path(self._egg_path(project, f"{version}-{time.time_ns() // 1_000_000}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{uuid4().hex}.part")
        part.write_bytes(eggfile.read())
        part.replace(path)
        return path.stem

    def list(self, project: str) -> list[str]:
        """Returns the versions, the one deployed last at the end."""
        versions: list[str] = super().list(project)
        return sorted(versions, key=lambda version: (self._deployed_at(project, version), version))

    def _deployed_at(self, project: str, version: str) -> int:
        try:
            return Path(self._egg_path(project, version)).stat().st_mtime_ns
        except FileNotFoundError:  # deleted meanwhile
            return 0
