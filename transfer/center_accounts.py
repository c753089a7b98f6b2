"""Somebody of a receiving center who signs in at our pages: invited by staff, known by a mail address and a PIN; or
by the center's own identity provider, which its reviewed file names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from transfer.addresses import is_loopback
from transfer.identifiers import InstitutionId
from transfer.reviewed import ReviewedPart

#: RFC 5321, section 4.5.3.1, and only what stands in a header without quotes
_MAIL: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)
LONGEST_MAIL: Final = 254
#: digits of a PIN, which is told by telephone
PIN_DIGITS: Final = 8
#: of codes that are typed off a mail: nothing that looks like something else
CODE_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
CODE_LENGTH: Final = 8
#: how long a code works that went out by mail (NIST SP 800-63B-4, section 3.1.3: 10 minutes for such)
CODE_WORKS_FOR: Final = timedelta(minutes=10)


def mail_of(text: str) -> str | None:
    """A mail address as accounts have it, in lower case; None: it is none."""
    address = text.strip().lower()
    return address if len(address) <= LONGEST_MAIL and _MAIL.fullmatch(address) else None


def code_of(text: str) -> str:
    """A code as somebody typed it, without blanks and hyphens, in capitals."""
    return "".join(text.split()).replace("-", "").upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterAccount:
    """An account. Times are UTC."""

    #: what facts call it; it tells nothing
    account: str
    institution: InstitutionId
    mail: str
    invited_at: datetime
    #: nobody signs in by it any more
    ended_at: datetime | None = None


def _as_issuer(text: str) -> str:
    there = urlsplit(text)
    is_safe = there.scheme == "https" or (there.scheme == "http" and is_loopback(there.hostname or ""))
    if not is_safe or not there.hostname or "@" in there.netloc or there.query or there.fragment:
        raise ValueError("an issuer is an https address without a query")
    return text


def _as_mail(text: str) -> str:
    if (found := mail_of(text)) is None:
        raise ValueError("not a mail address")
    return found


def _given(text: object) -> object:
    """An empty setting counts as none."""
    return text or None


_Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S(.*\S)?$")]


class CenterSignIn(ReviewedPart):
    """The center's own identity provider (OpenID Connect Core 1.0), and who of its people is let in here."""

    #: letter by letter, as the provider calls itself
    issuer: Annotated[str, AfterValidator(_as_issuer)]
    client_id: _Text
    client_secret: Annotated[str, Field(min_length=1, repr=False)]
    #: PEM file of whom we trust there, and nobody else
    authority: Annotated[Path | None, BeforeValidator(_given)] = None
    #: a claim of the ID token: only whoever has one of these values is let in
    claim: _Text = "groups"
    people: Annotated[tuple[_Text, ...], Field(min_length=1)]
    #: who is told by mail that a packet is ready: no name stands in it
    tells: tuple[Annotated[str, AfterValidator(_as_mail)], ...] = ()

    def lets_in(self, token: Mapping[str, object]) -> bool:
        """Whether somebody with the claims of this token is let in. Groups that the token only points at count not."""
        said = token.get(self.claim)
        named = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        return any(one in self.people for one in named if isinstance(one, str))
