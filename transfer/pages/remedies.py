"""What to do instead, as a link: the sentence of a remedy, and the page that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from transfer.remedies import Remedy, RemedyCode
from transfer.sentences.patterns import filled

#: of those remedies for which a page stands
LINKS: Final[Mapping[RemedyCode, str]] = MappingProxyType(
    {
        RemedyCode.LIST_CASES: "/desk/",
        RemedyCode.SHOW_CASE: "/desk/cases/{case}",
        RemedyCode.ASSIGN_IT: "/desk/cases/{case}/assign",
        RemedyCode.SEE_STOP: "/desk/cases/{case}",
        RemedyCode.COMPARE_NAMES: "/desk/cases/{case}",
        RemedyCode.SETTLE_REFERRAL: "/desk/cases/{case}",
        RemedyCode.LIST_HOLDS: "/desk/decisions",
        RemedyCode.SHOW_HOLD: "/desk/decisions/{hold}",
        RemedyCode.COMPARE_AGAIN: "/desk/decisions/{hold}",
        RemedyCode.NAME_CASE: "/desk/decisions/{hold}",
        RemedyCode.NAME_LINE: "/desk/cases/{case}/approve",
        RemedyCode.NAME_LINES: "/desk/cases/{case}/approve",
        RemedyCode.NAME_RECORD: "/desk/cases/{case}/line/{line}",
        RemedyCode.RECALL_FIRST: "/desk/cases/{case}/recall",
        RemedyCode.GIVE_UP_PACKET: "/desk/cases/{case}/recall",
        RemedyCode.CLOSE_CASE: "/desk/cases/{case}/close",
        RemedyCode.END_AS_DIED: "/desk/cases/{case}/close",
        RemedyCode.ADD_SOURCE: "/desk/cases/{case}/source",
        RemedyCode.NEW_CASE_FOR_OTHER: "/desk/cases/{case}/close",
        RemedyCode.ENTER_REFERRAL: "/desk/new",
        RemedyCode.SAY_WHO: "/desk/find",
        RemedyCode.CALL_BACK: "/desk/facilities/{institution}",
        RemedyCode.CHANGE_CONTACT: "/desk/facilities/{institution}",
        RemedyCode.LIST_FACILITIES: "/desk/facilities",
        RemedyCode.LIST_LETTERS: "/desk/outbox",
        RemedyCode.STATE_REASON: "/desk/cases/{case}/reason",
        RemedyCode.END_CENTER_ACCOUNT: "/desk/centers",
        RemedyCode.LIST_CENTER_ACCOUNTS: "/desk/centers",
        RemedyCode.LIST_ACCOUNTINGS: "/audit/accountings",
        RemedyCode.CALL_SLIDE_FILE: "/desk/pieces/{case}/{material}",
        RemedyCode.ASK_SLIDE_FILE: "/desk/pieces/{case}/{material}",
        RemedyCode.TAKE_PARCEL_IN: "/desk/packages",
        RemedyCode.LIST_INCOMING: "/desk/incoming",
        RemedyCode.TAKE_PAPER: "/desk/incoming/{incoming}",
        RemedyCode.COMPARE_DISC: "/desk/discs/{incoming}",
    },
)

#: what the button that leads to each of these pages says
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/desk/": "Open Today",
        "/desk/cases/{case}": "Open the request",
        "/desk/cases/{case}/assign": "Assign the request",
        "/desk/cases/{case}/approve": "Say what it goes without",
        "/desk/cases/{case}/line/{line}": "Settle the line",
        "/desk/cases/{case}/recall": "Recall the packet",
        "/desk/cases/{case}/close": "Close the request",
        "/desk/cases/{case}/source": "Add a facility",
        "/desk/cases/{case}/reason": "Say why you look",
        "/desk/decisions": "Open To do",
        "/desk/decisions/{hold}": "Open the question",
        "/desk/new": "Enter a referral",
        "/desk/find": "Find the patient",
        "/desk/facilities": "Open Facilities",
        "/desk/facilities/{institution}": "Open the facility",
        "/desk/outbox": "Open the outbox",
        "/desk/centers": "Open Centers",
        "/desk/pieces/{case}/{material}": "Open the slides or blocks",
        "/desk/packages": "Open Outside slides",
        "/desk/incoming": "Open Incoming",
        "/desk/incoming/{incoming}": "Open the paper",
        "/desk/discs/{incoming}": "Open the CD",
        "/audit/accountings": "Open the register",
    },
)


@dataclass(frozen=True, slots=True)
class Lead:
    """A button that leads to the page that does what a refusal says."""

    path: str
    words: str


def lead(remedy: Remedy | None, here: str | None = None) -> Lead | None:
    """`link`, with what its button says."""
    path = link(remedy, here)
    return Lead(path, WORDS[LINKS[remedy.code]]) if remedy and path else None


def link(remedy: Remedy | None, here: str | None = None) -> str | None:
    """The path of the page, which leads back `here`; None where the sentence says it all."""
    pattern = LINKS.get(remedy.code) if remedy else None
    if pattern is None or remedy is None:
        return None
    back = f"?{urlencode({'to': here})}" if here else ""
    return f"{filled(pattern, remedy.fields)}{back}"
