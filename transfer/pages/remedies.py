"""What to do instead, as a link: the sentence of a remedy, and the page that does it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from transfer.remedies import Remedy, RemedyCode
from transfer.sentences.patterns import filled

#: of those remedies for which a page stands
LINKS: Final[Mapping[RemedyCode, str]] = MappingProxyType(
    {
        RemedyCode.CALL_BACK: "/desk/facilities/{institution}",
        RemedyCode.CHANGE_CONTACT: "/desk/facilities/{institution}",
        RemedyCode.LIST_FACILITIES: "/desk/facilities",
        RemedyCode.LIST_LETTERS: "/desk/outbox",
        RemedyCode.STATE_REASON: "/desk/cases/{case}/reason",
        RemedyCode.END_CENTER_ACCOUNT: "/desk/centers",
        RemedyCode.LIST_CENTER_ACCOUNTS: "/desk/centers",
        RemedyCode.LIST_ACCOUNTINGS: "/audit/accountings",
        RemedyCode.CALL_SLIDE_FILE: "/desk/pieces/{case}/{material}",
        RemedyCode.TAKE_PARCEL_IN: "/desk/packages",
        RemedyCode.LIST_INCOMING: "/desk/incoming",
        RemedyCode.TAKE_PAPER: "/desk/incoming/{incoming}",
        RemedyCode.COMPARE_DISC: "/desk/discs/{incoming}",
    },
)


def link(remedy: Remedy | None, here: str | None = None) -> str | None:
    """The path of the page, which leads back `here`; None where the sentence says it all."""
    pattern = LINKS.get(remedy.code) if remedy else None
    if pattern is None or remedy is None:
        return None
    back = f"?{urlencode({'to': here})}" if here else ""
    return f"{filled(pattern, remedy.fields)}{back}"
