"""Somebody of a receiving center who signs in at our pages: invited by staff, known by a mail address and a PIN."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer.identifiers import InstitutionId

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
