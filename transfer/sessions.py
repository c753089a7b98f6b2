"""Who has signed in at the desk, and how long that holds."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer.rights import RIGHTS, Actor, Role

#: nothing was asked for so long: the session is over (NIST SP 800-63B-4, section 2.2.3: at most 1 hour)
IDLE: Final = timedelta(minutes=30)
#: over then, however busy it is (the same: at most 24 hours)
AT_MOST: Final = timedelta(hours=10)
#: how coarsely the last use is kept, so that not every page writes a row
USE_IS_KEPT_BY: Final = timedelta(minutes=1)
#: who says who somebody is where nobody but we do
LOCAL_ISSUER: Final = "local"
#: characters of an issuer, a subject or a name
LONGEST_TEXT: Final = 255

# Crockford's base 32, as all identifiers of ours.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of the staff as whoever signed them in says it (OpenID Connect Core 1.0, section 5.7: issuer and subject
    together, and nothing else, are one person).

    Raises:
        ValueError: issuer, subject or name is empty or longer than 255 characters.
    """

    issuer: str
    subject: str
    #: what pages show; never in a fact
    name: str

    def __post_init__(self) -> None:
        if not all(0 < len(text) <= LONGEST_TEXT for text in (self.issuer, self.subject, self.name)):
            raise ValueError("issuer, subject and name have 1 to 255 characters each")

    @property
    def account(self) -> str:
        """What facts call them: always the same for issuer and subject, and tells neither."""
        digest = hashlib.sha256(f"{self.issuer}\n{self.subject}".encode()).digest()
        return "s" + "".join(_ALPHABET[byte & 31] for byte in digest[:16])


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """When somebody signed in, and last asked for something. Times are UTC; the last use may be a minute older."""

    begun_at: datetime
    used_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Idle for 30 minutes, or 10 hours old."""
        return now - self.used_at >= IDLE or now - self.begun_at >= AT_MOST

    def is_use_to_be_kept(self, now: datetime) -> bool:
        return now - self.used_at >= USE_IS_KEPT_BY


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(SignIn):
    """One sign-in of one person of the staff."""

    account: str
    name: str
    roles: frozenset[Role]

    @property
    def actor(self) -> Actor:
        """Who does what is asked for in this session: somebody made sure who it is."""
        rights = frozenset().union(*(RIGHTS[role] for role in self.roles))
        return Actor(person=self.account, rights=rights, is_claimed=False)
