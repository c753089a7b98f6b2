"""How much is taken from one archive."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomLimits:
    """Bytes, except `parts`, `entries` and `pages`. Of one instance at most `in_memory` is held in memory."""

    #: answers to one search
    entries: int = 100_000
    #: of one list: an archive that gives one entry at a time would be asked for days
    pages: int = 2_000
    instance: int = 4 << 30
    #: below what 1000 parts of the vault hold, the bound of the embedded store
    series: int = 15 << 30
    #: what one answer may consist of: parts of a multipart body, messages of a C-GET
    parts: int = 200_000
    in_memory: int = 16 << 20
