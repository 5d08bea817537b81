"""A choice that can be made again by its seed."""

import secrets
import sys
from contextlib import contextmanager
from random import Random


@contextmanager
def chance():
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")
    yield Random(seed)
