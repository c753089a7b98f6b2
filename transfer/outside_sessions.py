"""Who of outside has signed in at the doors' pages, and how often somebody may try to. Staff sign in elsewhere."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.identifiers import InstitutionId
from transfer.sessions import SignIn


class Outsider(StrEnum):
    """As what somebody of outside signed in. Each kind has pages of its own, and a cookie of its own."""

    #: who works at a receiving center
    CENTER = "center"
    #: who has a letter of ours that asks a department for records
    SOURCE = "source"
    #: the patient, or the office that referred them, for their own case
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideSession(SignIn):
    """One sign-in of somebody of outside. It ends as one at the desk does."""

    kind: Outsider
    #: what facts call them; it tells nothing
    account: str
    #: for whom they sign in
    institution: InstitutionId


class TriedBy(StrEnum):
    """What tries at signing in are counted by."""

    #: the network address they come from (IPv6: its /64)
    ADDRESS = "address"
    #: whom they try to be, known or not
    ACCOUNT = "account"
    #: the code of a letter, known or not
    CODE = "code"


#: tries are counted anew so long after the first
TRIES_COUNT_FOR: Final = timedelta(hours=1)
#: tries in that time (NIST SP 800-63B-4, section 3.2.2 asks for a limit of at most 100 in a row)
MOST_TRIES: Final = MappingProxyType({TriedBy.ADDRESS: 60, TriedBy.ACCOUNT: 10, TriedBy.CODE: 10})
