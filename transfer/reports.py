"""Lists that an auditor takes along as files."""

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """Which list."""

    DISCLOSURES = "disclosures"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A list as a file. `sha256` is that of its bytes, in hexadecimal; the name of the file begins with it told."""

    name: str
    content: bytes
    sha256: str
