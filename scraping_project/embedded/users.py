"""The two users of an embedded server: everybody pushes and counts seeds, the project's own may do all.

Its port is open to every user of the machine, so it must protect as much as its directory does.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import redis

#: The name by which the project's processes log in.
OWN = "scraping_project"

#: It matches no key of a frontier, since those begin with a brace.
SEEDS = "[^{]*:start_urls"
PUSH_AND_COUNT = ("lpush", "rpush", "sadd", "zadd", "llen", "lrange", "scard", "zcard")
#: Clients send these before, after and around that.
TALK = ("ping", "command", "multi", "exec", "discard", "client|setname", "client|setinfo")

EVERYBODY = ("reset", "on", "nopass", f"~{SEEDS}", *(f"+{command}" for command in (*PUSH_AND_COUNT, *TALK)))


@dataclass(frozen=True)
class PasswordFile(redis.CredentialProvider):
    """The project's user; each new connection reads the password from the file."""

    path: Path

    def get_credentials(self) -> tuple[str, str]:
        """The user and the password.

        Raises:
            redis.AuthenticationError: The file can't be read; to a client the server refuses.
        """
        try:
            return OWN, self.path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise redis.AuthenticationError(f"the password in {self.path} can't be read") from error

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()

    def make(self) -> None:
        """Make the file unless it is there: complete, and readable by its owner alone.

        Two processes must not do so at once.
        """
        if self.path.exists():
            return
        draft = self.path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def rules(self) -> tuple[str, ...]:
        """The rights of the project's user, with its password as a hash."""
        digest = hashlib.sha256(self.get_credentials()[1].encode()).hexdigest()
        return ("reset", "on", f"#{digest}", "~*", "&*", "+@all")


def admit(anybody: redis.Redis, password: PasswordFile) -> None:
    """Make the project's user known to the server of an older version, which lets every client do all.

    Raises:
        redis.exceptions.NoPermissionError: It is a newer server, which knows the user by another password.
    """
    anybody.execute_command("ACL", "SETUSER", OWN, *password.rules())  # type: ignore[no-untyped-call]


def is_open(client: redis.Redis) -> bool:
    """Whether everybody may do everything, as on the server of an older version."""
    default = client.execute_command("ACL", "GETUSER", "default")  # type: ignore[no-untyped-call]
    return "+@all" in str(default)
