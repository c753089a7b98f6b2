"""A record that somebody made of pages: what they said of it, and the pages, as one body (a ZIP, as of paper forms)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from transfer import codec, media_types
from transfer.adapters.paper.bundle import packed, unpacked
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics
from transfer.records import Document, DocumentStatus, RecordKind

PAPER_RECORD: Final = "application/vnd.records-transfer.paper-record+zip"
_SAID, _PAGES = "said.json", "pages"
#: bytes of what is said
_LARGEST_SAID: Final = 64 << 10
#: bytes of the pages
_LARGEST: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRecord:
    """What somebody said of pages. `patient`: whose they are, as the patient is known; `title` says where the pages
    come from, and whether they are as they came. `answers`: keys of the lines of a checklist that they answer.
    """

    patient: Demographics
    kind: RecordKind
    day: PartialDate | None
    title: str
    answers: frozenset[str] = frozenset()

    def document(self, zone: ZoneInfo) -> Document:
        """As any source would describe it. Paper says nothing of a status: what is signed and sent is final.

        `zone` is its source's. A day is its midnight there, a month or a year the first one of it: no paper looks newer
        than it is.
        """
        at = datetime.combine(self.day.first, time(), zone).astimezone(UTC) if self.day else None
        return Document(
            patient=self.patient,
            kind=self.kind,
            code=None,
            title=self.title,
            status=DocumentStatus.FINAL,
            at=at,
            day=self.day,
            content_type=media_types.PDF,
            answers=self.answers,
        )


def bundled_record(said: PaperRecord, pages: bytes) -> bytes:
    """Both as one body. The same again is the same bytes."""
    return packed({_SAID: codec.dump(PaperRecord, said), _PAGES: pages})


def record_of(body: bytes) -> tuple[PaperRecord, bytes]:
    """What was said, and the pages, of a body that `bundled_record` made.

    Raises:
        Unreadable: it did not.
    """
    return codec.load(PaperRecord, unpacked(body, _SAID, _LARGEST_SAID)), unpacked(body, _PAGES, _LARGEST)
