"""Discs with images: what is on one, read in a process of its own, and a study of one as a body of its own."""

from transfer.adapters.disc.reading import DiscPlace, given, listed, placed
from transfer.adapters.disc.record import (
    DISC_STUDY,
    SIZE_AT_END,
    DiscPart,
    DiscRecord,
    bundled,
    demographics_of,
    framed,
    images_of,
    said_of,
    size_said,
)

__all__ = [
    "DISC_STUDY",
    "SIZE_AT_END",
    "DiscPart",
    "DiscPlace",
    "DiscRecord",
    "bundled",
    "demographics_of",
    "framed",
    "given",
    "images_of",
    "listed",
    "placed",
    "said_of",
    "size_said",
]
