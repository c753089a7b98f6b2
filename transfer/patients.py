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


@dataclass(frozen=True, slots=True, kw_only=True)
class Demographics:
    """What one message says of its patient. Everything may be absent; nothing is `""`."""

    names: tuple[PersonName, ...] = ()
    birth_date: date | None = None
    sex: str | None = None
    identifiers: tuple[IssuedIdentifier, ...] = ()


def fold(text: str) -> str:
    """Upper case, no accents, letters and digits only: `O'Brien-Müller` is `OBRIENMULLER`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    return "".join(c for c in decomposed if c.isalnum()).upper()
