"""Who a record is about, as the sources say it.

Names are compared folded: case, accents, punctuation. Identifiers count only together with who issued them, because a
bare number identifies nobody (HL7 v2.5.1 chapter 2A, CX.4; DICOM PS3.3 C.7.1.1, Issuer of Patient ID).
"""

import unicodedata
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class IssuedIdentifier:
    """A number and who gave it.

    `issuer` is a URI (`urn:oid:…`, `http://…`); `Institution.issuer` makes it from a site's own spelling.
    """

    issuer: str
    value: str

    def __post_init__(self) -> None:
        if not self.issuer or not self.value.strip():
            raise ValueError("an identifier needs a value and who issued it")


@dataclass(frozen=True, slots=True)
class PersonName:
    """A family name and given names, as received."""

    family: str
    given: tuple[str, ...] = ()

    @property
    def folded(self) -> tuple[str, str]:
        """Family and first given name in the form in which they are compared."""
        return fold(self.family), fold(self.given[0]) if self.given else ""

    def __str__(self) -> str:
        return f"{self.family}, {' '.join(self.given)}" if self.given else self.family


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where somebody lives: the street with its number, and the postal code, as received."""

    street: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class OtherNumber:
    """A number that is no medical record number: of a policy, a licence, a citizen. No more of it is kept than this.

    `type` is a code of HL7 table 0203, or the site's own word.
    """

    type: str
    last_four: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demographics:
    """What one message says of its patient. Everything may be absent; nothing is `""`."""

    names: tuple[PersonName, ...] = ()
    birth_date: date | None = None
    #: administrative gender in FHIR's words (http://hl7.org/fhir/administrative-gender)
    sex: str | None = None
    #: medical record numbers
    identifiers: tuple[IssuedIdentifier, ...] = ()
    other_numbers: tuple[OtherNumber, ...] = ()
    addresses: tuple[PostalAddress, ...] = ()
    telephones: tuple[str, ...] = ()


def other_number(value: str | None, kind: str) -> OtherNumber | None:
    """What is kept of such a number. None: it has no four letters and digits."""
    plain = fold(value or "")
    return OtherNumber(kind.upper(), plain[-4:]) if len(plain) >= 4 else None


def fold(text: str) -> str:
    """Upper case, no accents, letters and digits only: `O'Brien-Müller` is `OBRIENMULLER`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    return "".join(c for c in decomposed if c.isalnum()).upper()
