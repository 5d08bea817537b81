import pytest

from tests.support.faketime import environment_of_a_wrong_clock


@pytest.fixture
def clock_off_by(tmp_path):
    """Gives the environment of a process whose clock is off, as ``clock_off_by("+2h")``."""
    return environment_of_a_wrong_clock(tmp_path)
