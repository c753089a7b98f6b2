"""The post of an office: its letters as PDF files, and each way by which they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transfer.adapters.paper.pages import COMMAND, faxed
from transfer.errors import Unavailable
from transfer.identifiers import LetterId
from transfer.incoming import PaperRefused
from transfer.letters import LetterOffice, LetterSender, LetterText, SendingWay


def appended(scan: bytes, *, command: Sequence[str] = COMMAND) -> list[bytes]:
    """The first pages of an authorization as pictures. None of a file that cannot be drawn: the letter then says only
    that there is one.
    """
    try:
        return faxed(scan, command=command)
    except (PaperRefused, Unavailable):
        return []


@dataclass(frozen=True, slots=True)
class OfficePost:
    """`transfer.flow.services.LetterPost`."""

    office: LetterOffice
    senders: Mapping[SendingWay, LetterSender]

    @property
    def can_fax(self) -> bool:
        return SendingWay.FAX in self.senders

    def can_draw(self, text: str) -> bool:
        from transfer.adapters.packet.pdf_text import undrawable  # as below

        return not undrawable([text])

    def make(self, text: LetterText, to: str, scan: bytes | None) -> tuple[bytes, int]:
        # What draws pages takes half a second to load, and few tasks write letters.
        from transfer.adapters.letters.pdf import letter_pdf

        return letter_pdf(text, self.office, to, appended(scan) if scan else ())

    def send(self, letter: LetterId, way: SendingWay, to: str, pdf: bytes) -> str:
        return self.senders[way].send(letter, to, pdf)
