"""Parcels: what a courier or somebody by hand brought, and what a reader of barcodes says of it.

A reader types what it reads and ends it with Enter. Some put the symbology before it (ISO/IEC 15424, as `]C1`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.identifiers import ParcelId

#: days that a parcel is kept of which nobody knows whose it is
KEPT_DAYS: Final = 30
#: characters that a reader gives at most
MOST_CHARACTERS: Final = 100
_SYMBOLOGY: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")


class Carrier(StrEnum):
    """Who brought it, or takes it."""

    FEDEX = "fedex"
    UPS = "ups"
    USPS = "usps"
    DHL = "dhl"
    OTHER = "other-courier"
    #: by the patient, a relative or our own staff
    BY_HAND = "by-hand"


class Condition(StrEnum):
    """How the parcel was when it came (after HL7 v2 table 0544, SHP-9)."""

    GOOD = "good"
    SEAL_BROKEN = "seal-broken"
    WET = "wet"
    PIECES_BROKEN = "pieces-broken"


#: how each carrier writes its numbers
_NUMBERS: Final[Mapping[Carrier, re.Pattern[str]]] = MappingProxyType(
    {
        Carrier.UPS: re.compile(r"1Z[0-9A-Z]{16}"),
        Carrier.USPS: re.compile(r"(?:420[0-9]{5}(?:[0-9]{4})?)?9[1-5][0-9]{20}|[A-Z]{2}[0-9]{9}US"),
        Carrier.FEDEX: re.compile(r"[0-9]{12}|[0-9]{15}|96[0-9]{20}|[0-9]{34}"),
        Carrier.DHL: re.compile(r"JJ?D[0-9]{16,20}|[0-9]{10}"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel that is here. Its number is known by its HMAC; `number_end` are its last four characters.

    `place` is the receiving center that it came to; None: it came to the desk. `received_at` is UTC; `kept_until` is
    the day until which it is kept while nobody knows whose it is.
    """

    id: ParcelId
    carrier: Carrier
    condition: Condition
    received_at: datetime
    kept_until: date
    place: str | None = None
    number_end: str = ""
    #: where it stands
    shelf: str = ""
    #: account of whoever took it in
    by: str = ""


def as_read(text: str) -> str:
    """What a reader read, or somebody typed: without the symbology before it, blanks and signs that do not print."""
    plain = "".join(sign for sign in text.strip() if sign.isprintable())
    return _SYMBOLOGY.sub("", plain, count=1).strip() if _SYMBOLOGY.match(plain) else plain


def as_number(text: str) -> str:
    """The number of a parcel as every reader of it gives it: capitals and digits, without a ZIP code before it."""
    plain = re.sub(r"[^0-9A-Z]", "", as_read(text).upper())
    long_usps = re.fullmatch(r"420[0-9]{5}(?:[0-9]{4})?(9[1-5][0-9]{20})", plain)
    if long_usps:
        return long_usps[1]
    return plain[-12:] if re.fullmatch(r"96[0-9]{32}|[0-9]{34}", plain) else plain


def carrier_of(text: str) -> Carrier | None:
    """Whose number it is by its form; None where it is no carrier's that we know."""
    plain = re.sub(r"[^0-9A-Z]", "", as_read(text).upper())
    return next((carrier for carrier, form in _NUMBERS.items() if form.fullmatch(plain)), None)


def kept_until(came: date) -> date:
    """How long a parcel that came on this day is kept while nobody knows whose it is."""
    return came + timedelta(days=KEPT_DAYS)
