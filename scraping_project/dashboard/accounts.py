"""Who may do what: two logins and any number of tokens, from the settings."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import Self

from scrapy.settings import BaseSettings

from scraping_project.dashboard import passwords

_TOKEN = re.compile(r"([^:,\s]{1,64}):(operator|viewer):([0-9a-f]{64})")


class AccountError(Exception):
    """The settings of logins or tokens cannot be used; the message is one line and holds no secret."""


class Role(StrEnum):
    """What somebody may do: a viewer reads, an operator changes things as well."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    name: str
    role: Role

    @property
    def may_change(self) -> bool:
        return self.role is Role.OPERATOR


#: Who asks where no login is wanted: whoever sits at this machine.
ANYBODY = Identity("", Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Login:
    """A name, its password as it is kept, and the role."""

    name: str
    kept: str
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """A script's token: the SHA-256 of its text, in hexadecimal digits."""

    name: str
    digest: str
    role: Role


@dataclass(frozen=True, slots=True)
class Accounts:
    """All who may log in."""

    logins: tuple[Login, ...] = ()
    tokens: tuple[Token, ...] = ()

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        """Those of DASHBOARD_USERNAME, DASHBOARD_VIEWER_USERNAME, their passwords, and DASHBOARD_TOKENS.

        Raises:
            AccountError: One of them cannot be used.
        """
        operator = _login(settings, "DASHBOARD", Role.OPERATOR)
        viewer = _login(settings, "DASHBOARD_VIEWER", Role.VIEWER)
        logins = tuple(login for login in (operator, viewer) if login)
        if operator and viewer and operator.name == viewer.name:
            raise AccountError("DASHBOARD_USERNAME and DASHBOARD_VIEWER_USERNAME are the same: set two names")
        tokens = tuple(
            _token(text) for text in (settings["DASHBOARD_TOKENS"] or "").split(",") if text.strip()
        )
        if logins and not operator:
            raise AccountError("there is a viewer and no operator: set DASHBOARD_USERNAME and its password")
        if tokens and not logins:
            raise AccountError(
                "DASHBOARD_TOKENS without a login: set DASHBOARD_USERNAME and DASHBOARD_PASSWORD"
            )
        return cls(logins, tokens)

    @property
    def wanted(self) -> bool:
        """Whether anybody is asked for a login at all."""
        return bool(self.logins)

    def logged_in(self, name: str, password: str) -> Identity | None:
        """Returns whose login this is; an unknown name takes as long as a wrong password."""
        login = next((login for login in self.logins if login.name == name), None)
        kept = login.kept if login else self.logins[0].kept
        right = passwords.matches(kept, password)
        return Identity(login.name, login.role) if login and right else None

    def by_token(self, text: str) -> Identity | None:
        """Returns whose token this is."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        found = [token for token in self.tokens if compare_digest(token.digest, digest)]
        return Identity(found[0].name, found[0].role) if found else None

    def fingerprint(self) -> bytes:
        """Changes when a login does, so that keys made with it do."""
        return repr([(login.name, login.kept, login.role) for login in self.logins]).encode()


def _login(settings: BaseSettings, prefix: str, role: Role) -> Login | None:
    name, kept = settings[f"{prefix}_USERNAME"] or "", settings[f"{prefix}_PASSWORD"] or ""
    if not name and not kept:
        return None
    if not name or not kept:
        raise AccountError(f"set both {prefix}_USERNAME and {prefix}_PASSWORD, or neither")
    if not passwords.is_readable(kept):
        raise AccountError(
            f"{prefix}_PASSWORD is a broken Argon2id string: `scrapy dashboard hash` makes one"
        )
    return Login(name, kept, role)


def _token(text: str) -> Token:
    found = _TOKEN.fullmatch(text.strip())
    if not found:
        raise AccountError(
            "DASHBOARD_TOKENS has an entry that is not name:operator:SHA256 or name:viewer:SHA256, with the"
            " digest in 64 lower-case hexadecimal digits"
        )
    return Token(found[1], found[3], Role(found[2]))
