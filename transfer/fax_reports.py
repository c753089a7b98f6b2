"""What a service that faxes says of a fax later, by mail: read by the rules of its reviewed file, and by nothing else.

Each service has its own words. What no rule has is a person's.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from transfer.identifiers import LetterId
from transfer.reviewed import ReviewedPart

#: letters of a message that are read
MOST_LETTERS: Final = 8_000
_NAMES: Final = re.compile(rf"(?<![A-Za-z0-9]){LetterId.pattern.pattern}(?![A-Za-z0-9])")


class FaxOutcome(StrEnum):
    """What became of a fax that the service took."""

    SENT = "sent"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    #: no fax answers at that number
    NO_FAX = "no-fax"
    #: not all of its pages went through
    PAGES_LOST = "pages-lost"


class FaxRule(ReviewedPart):
    """Words of one service, and what they mean. They are looked for as they stand, whatever their case."""

    says: Annotated[str, Field(min_length=3, max_length=200)]
    means: FaxOutcome


def outcome_of(words: str, rules: Sequence[FaxRule]) -> FaxOutcome | None:
    """What a message says: the first rule whose words are in it. None: no rule has it."""
    said = " ".join(words[:MOST_LETTERS].split()).casefold()
    return next((rule.means for rule in rules if " ".join(rule.says.split()).casefold() in said), None)


def letters_named(words: str) -> frozenset[LetterId]:
    """The letters whose numbers stand in a message: we gave the service each as subject and Message-ID."""
    return frozenset(map(LetterId, _NAMES.findall(words[:MOST_LETTERS])))
