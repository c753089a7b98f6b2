"""The post of an office: its letters as PDF files, and each way by which they leave."""

from collections.abc import Mapping
from dataclasses import dataclass

from transfer.identifiers import LetterId
from transfer.letters import LetterOffice, LetterSender, LetterText, SendingWay


@dataclass(frozen=True, slots=True)
class OfficePost:
    """`transfer.flow.services.LetterPost`."""

    office: LetterOffice
    senders: Mapping[SendingWay, LetterSender]

    @property
    def can_fax(self) -> bool:
        return SendingWay.FAX in self.senders

    def make(self, text: LetterText, to: str, scan: bytes | None) -> tuple[bytes, int]:
        # What draws pages takes half a second to load, and few tasks write letters.
        from transfer.adapters.letters.pdf import letter_pdf
        from transfer.adapters.letters.scan_pictures import pictures

        return letter_pdf(text, self.office, to, pictures(scan) if scan else ())

    def send(self, letter: LetterId, way: SendingWay, to: str, pdf: bytes) -> str:
        return self.senders[way].send(letter, to, pdf)
