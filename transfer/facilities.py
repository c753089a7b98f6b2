"""A facility that no reviewed file names: added at the desk, asked by letter and telephone, a discloser like any other.

A reviewed file with the same id takes its place. What was written about it before stands.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from transfer.arrivals import Grant
from transfer.contacts import Contact
from transfer.identifiers import DepartmentId, InstitutionId
from transfer.institutions import ByHand, Department, Institution
from transfer.records import RecordKind
from transfer.reviewed import as_zone

_NAME: Final = 80

_K = RecordKind
#: its departments, by what each holds; a department without anything is none
_DEPARTMENTS: Final[Mapping[tuple[str, str], tuple[RecordKind, ...]]] = MappingProxyType(
    {
        ("records-office", "records office"): tuple(one for one in _K if one not in (_K.IMAGES, _K.MATERIAL, _K.OTHER)),
        ("image-library", "image library"): (_K.IMAGES,),
        ("slide-file", "slide file"): (_K.MATERIAL,),
    }
)
#: what may come from it on paper, for a person to enter; it has no door by which it could come otherwise
_GRANTS: Final = frozenset({Grant.REFERRALS, Grant.AUTHORIZATIONS})
#: what a facility may be said to hold
HOLDS: Final = tuple(kind for kinds in _DEPARTMENTS.values() for kind in kinds)

_REPORTS: Final = tuple(kind for kind in HOLDS if kind not in (_K.IMAGES, _K.MATERIAL))
#: what places of each sort hold, so that nobody ticks it one by one
USUAL: Final[Mapping[str, tuple[RecordKind, ...]]] = MappingProxyType(
    {
        "office": _REPORTS,
        "hospital": HOLDS,
        "laboratory": (_K.PATHOLOGY_REPORT, _K.MOLECULAR, _K.MATERIAL),
        "imaging": (_K.IMAGING_REPORT, _K.IMAGES),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFacility:
    """What staff know of it. `time_zone` is a name of the IANA database; `holds` are kinds of `HOLDS`.

    Raises:
        ValueError: a name or city that is empty or too long, no such zone, or it holds nothing.
    """

    id: InstitutionId
    name: str
    city: str
    time_zone: str
    holds: frozenset[RecordKind]
    contact: Contact

    def __post_init__(self) -> None:
        if not all(0 < len(text) <= _NAME and text.isprintable() and text.strip() for text in (self.name, self.city)):
            raise ValueError(f"a name and a city of at most {_NAME} characters")
        as_zone(self.time_zone)
        if not self.holds or not self.holds <= frozenset(HOLDS):
            raise ValueError("it holds nothing that could be asked for")

    def reached_at(self, contact: Contact) -> "AddedFacility":
        """The same with another contact. It is confirmed only where nothing of it is new."""
        same = contact.model_copy(update={"is_confirmed": self.contact.is_confirmed}) == self.contact
        return self if same else replace(self, contact=contact.model_copy(update={"is_confirmed": False}))

    def as_institution(self) -> Institution:
        """As rules and verbs know it: asked by people, and released from under a form alone (45 CFR 164.508)."""
        departments = (
            Department(
                id=DepartmentId(name), name=called, holds=tuple(kind for kind in kinds if kind in self.holds),
                asked=ByHand(by="hand"),
            )
            for (name, called), kinds in _DEPARTMENTS.items()
        )  # fmt: skip
        return Institution(
            id=self.id,
            name=self.name,
            time_zone=self.time_zone,
            departments=tuple(one for one in departments if one.holds),
            contact=self.contact,
            grants=_GRANTS,
        )


def id_of(name: str, city: str) -> InstitutionId:
    """The id of a facility of this name in this city, as a file of it would be called. The same for the same words.

    Raises:
        ValueError: the name has no letter to begin with.
    """
    plain = unicodedata.normalize("NFKD", f"{name} {city}").encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return InstitutionId(slug.lstrip("-0123456789")[:40].rstrip("-"))
