"""Jitter: starts of one moment spread over some seconds, by the same number in every process."""

from datetime import datetime
from hashlib import sha256


def jitter(schedule_id: int, due: datetime, jitter_seconds: int) -> int:
    """Seconds, from 0 to ``jitter_seconds``, by which the start of a due time is put off."""
    if not jitter_seconds:
        return 0
    digest = sha256(f"{schedule_id} {due.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:8]) % (jitter_seconds + 1)
