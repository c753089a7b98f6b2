"""The patient whom the source doors are asked about, who is asked, and small stand-ins for what lies behind them."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import BinaryIO

from transfer.adapters.packet import pdf_maker, pdf_parts
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.staging import Location

MRN = "urn:oid:1.2.3.4"
WHO = Demographics(
    names=(PersonName("Quillfeather", ("Odalys",)),),
    birth_date=date(1961, 2, 3),
    sex="female",
    identifiers=(IssuedIdentifier(MRN, "0042"),),
)


def _institution(name: str) -> Institution:
    said = {"id": name, "name": name, "time_zone": "America/Chicago", "default_issuer": MRN}
    return Institution.model_validate({**said, "identifiers": [], "issuers": {"LAKE": MRN}})


ONCOLOGY, MERCY = _institution("lakeside-oncology"), _institution("mercy-imaging")


class Nowhere:
    """A vault that hashes what it is given and holds none of it: what is measured is the client."""

    def keep(self, chunks: Iterable[bytes]) -> Location:
        digest, length = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            length += len(chunk)
        return Location("nowhere", 0, length, digest.hexdigest())

    def keep_file(self, file: BinaryIO, length: int, sha256: str) -> Location:
        return Location("nowhere", 0, length, sha256)

    def read(self, location: Location) -> Iterator[bytes]:
        raise NotImplementedError

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        raise NotImplementedError

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """There is nothing."""

    def answers(self) -> bool:
        return True

    def keys(self) -> Iterator[str]:
        return iter(())


_DOCUMENT = {
    "number": 1, "path": "data/documents/1", "title": "Note", "section": "Notes", "date": "1 Sep 2026",
    "source": "Lakeside", "status": "final", "remarks": [], "sha256": "0" * 64, "why": None,
}  # fmt: skip
_SPEC = {"packet": "c00000000001-p1", "created_at": "2026-09-01T00:00:00+00:00", "footer": "", "facts": []}


def paged(body: bytes, content_type: str) -> str:
    """What becomes of a document among the pages for people: `merged`, `rendered`, or why it is not shown."""
    return pdf_parts.part(_SPEC, _DOCUMENT | {"content_type": content_type}, body, pdf_maker.PAGES_EACH).how
