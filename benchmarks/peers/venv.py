"""The environment of the peers that are not Scrapy, made when it is missing or its pins have changed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PINS = ROOT / "benchmarks" / "requirements-crawlee.txt"
VENV = ROOT / ".cache" / "crawlee-venv"


def python() -> str:
    """The environment's interpreter.

    Raises:
        SystemExit: A package cannot be installed; pip has said why.
    """
    interpreter, installed = VENV / "bin" / "python", VENV / "installed.txt"
    if not installed.exists() or installed.read_bytes() != PINS.read_bytes():
        print(f"installing {PINS.relative_to(ROOT)} into {VENV.relative_to(ROOT)}", file=sys.stderr)
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
        _run(str(interpreter), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(PINS))
        installed.write_bytes(PINS.read_bytes())
    return str(interpreter)


def _run(*command: str) -> None:
    if code := subprocess.run(command, check=False).returncode:  # noqa: S603  our own command
        raise SystemExit(f"the peers' environment could not be made: {' '.join(command)} ended with {code}")
