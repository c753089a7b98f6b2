"""Lists that an auditor takes along as files, and what somebody says who has looked one through."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReportKind(StrEnum):
    """Which list."""

    DISCLOSURES = "disclosures"
    DECISIONS = "decisions"
    VIEWS = "views"
    SAMPLE = "sample"
    CHAIN = "chain"
    #: what is given to a person who asked for an accounting
    ACCOUNTING = "accounting"
    #: the figures of a period
    FIGURES = "figures"


#: the lists that somebody looks through, and says so
REVIEWED: Final = (ReportKind.DISCLOSURES, ReportKind.DECISIONS, ReportKind.VIEWS)


class ReviewFinding(StrEnum):
    """What came of looking a list through."""

    NOTHING = "nothing-found"
    CORRECTED = "corrected"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A list as a file. `sha256` is that of its bytes, in hexadecimal; the name ends with its beginning."""

    name: str
    content: bytes
    sha256: str
