"""How people reach a facility: its telephone, its fax, its postal address.

What names a patient goes only to a contact that somebody had confirmed by telephone. The contact of a reviewed file was
confirmed by whoever reviewed it.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, model_validator

from transfer.reviewed import ReviewedPart

#: E.164: a country code that does not begin with 0, at most fifteen digits in all
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_WRITTEN: Final = re.compile(r"[-0-9+(). /]{7,30}")
#: digits of a number of the North American Numbering Plan without its country code
_NATIONAL: Final = 10
_LINES: Final = 6
_LINE: Final = 60


def as_number(text: str) -> str:
    """A telephone number as ITU-T E.164 has it, `+16055550142`. Ten digits alone are of North America.

    Raises:
        ValueError: it is none. The text is not repeated.
    """
    digits = re.sub(r"[^0-9+]", "", text)
    if len(digits) == _NATIONAL and digits.isdigit():
        digits = f"+1{digits}"
    elif len(digits) == _NATIONAL + 1 and digits.startswith("1"):
        digits = f"+{digits}"
    if not _WRITTEN.fullmatch(text.strip()) or not _NUMBER.fullmatch(digits):
        raise ValueError("not a telephone number: ten digits, or + and the country code before them")
    return digits


def as_said(number: str) -> str:
    """A number as people read it out: `+1 605 555 0142`; that of another country as it stands."""
    found = re.fullmatch(r"\+1([0-9]{3})([0-9]{3})([0-9]{4})", number)
    return f"+1 {found[1]} {found[2]} {found[3]}" if found else number


def as_address(text: str) -> str:
    """A postal address of at most six lines of sixty characters, without blank ones.

    Raises:
        ValueError: it is none.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > _LINES or any(len(line) > _LINE or not line.isprintable() for line in lines):
        raise ValueError(f"not a postal address: at most {_LINES} lines of {_LINE} characters")
    return "\n".join(lines)


Number = Annotated[str, AfterValidator(as_number)]


class Contact(ReviewedPart):
    """A telephone number, and where letters go: by fax, by post, or either.

    `is_confirmed`: somebody called, and had it read back. A reviewed file leaves that out.
    """

    telephone: Number
    fax: Number | None = None
    address: Annotated[str, AfterValidator(as_address)] | None = None
    is_confirmed: bool = True

    @model_validator(mode="after")
    def _can_be_written_to(self) -> "Contact":
        if self.fax is None and self.address is None:
            raise ValueError("a fax number or a postal address, or both")
        return self
