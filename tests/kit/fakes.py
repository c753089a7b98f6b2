"""Stand-ins for what is outside. Each is held to the same contract test as the real one (tests/contracts)."""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from transfer.bytes_seen import Announced
from transfer.errors import NeedsReview, TransferError, Unexpected, Unheard, Unknown, Unreadable
from transfer.flaws import Flaw
from transfer.identifiers import PatientId
from transfer.institutions import Institution
from transfer.mail import Mail
from transfer.opened import OpenedDocument
from transfer.patients import Demographics
from transfer.records import Document, DocumentStatus, RecordKind
from transfer.sources import Bad, Found, KeepGoing, PatientFound, SourceFile, go_on
from transfer.staging import CHUNK, Location


class MemoryVault:
    """A `transfer.staging.Vault` in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def keep(self, chunks: Iterable[bytes]) -> Location:
        data = b"".join(chunks)
        key = secrets.token_hex(16)
        self.objects[key] = data
        return Location(key, 0, len(data), hashlib.sha256(data).hexdigest())

    def keep_file(self, file: BinaryIO, length: int, sha256: str) -> Location:
        file.seek(0)
        kept = self.keep([file.read()])
        assert (kept.length, kept.sha256) == (length, sha256)
        return kept

    def read(self, location: Location) -> Iterator[bytes]:
        data = b"".join(self.read_range(location, 0, location.length))
        if hashlib.sha256(data).hexdigest() != location.sha256:
            raise Unreadable("not the bytes that were kept")
        yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        if location.key not in self.objects:
            raise Unknown("no such object")
        data = self.objects[location.key][location.offset + start : location.offset + stop]
        if len(data) != stop - start:
            raise Unreadable("fewer bytes than were kept")
        yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        if hashlib.sha256(data).hexdigest() != location.sha256:
            raise Unreadable("other bytes came back")
        self.objects[location.key] = data

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

    def answers(self) -> bool:
        return True

    def keys(self) -> Iterator[str]:
        return iter(list(self.objects))


class OpensAll:
    """A `transfer.opened.Opener` of documents that are none: nothing is wrong with any."""

    def document(
        self,
        content_type: str,
        length: int,
        chunks: Iterable[bytes],
        source: Institution,
        patient: PatientId | None = None,
    ) -> OpenedDocument:
        return OpenedDocument()

    def image(self, length: int, chunks: Iterable[bytes]) -> frozenset[Flaw]:
        return frozenset()


class MemoryDocuments:
    """A `transfer.sources.DocumentSource` in a list. Without a `patient`, whoever is asked about is its own."""

    def __init__(self, papers: Sequence[bytes], *, patient: Demographics | None = None) -> None:
        self.papers = papers
        #: of each paper that is listed
        self.kinds = [RecordKind.NOTE] * len(papers)
        self.types = ["application/octet-stream"] * len(papers)
        self.patient = patient
        #: what everything that is asked comes to
        self.fails: TransferError | None = None
        #: entries that nobody can use, before the others
        self.bad = 0
        #: papers whose bytes are gone
        self.lost: set[int] = set()

    def find_patient(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> PatientFound | None:
        self._answer(keep_going)
        if not who.identifiers and not who.birth_date:
            raise NeedsReview("nothing to ask by")
        theirs = self.patient or who
        is_numbered = bool({*who.identifiers} & {*theirs.identifiers})
        is_named = who.birth_date == theirs.birth_date and bool(_folded(who) & _folded(theirs))
        if not is_numbered and not is_named:
            return None
        url = "https://office.example/Patient/1"
        return PatientFound(id="1", url=url, demographics=theirs)

    def documents(
        self,
        patient: PatientFound,
        institution: Institution,
        kinds: Collection[RecordKind],
        *,
        keep_going: KeepGoing = go_on,
    ) -> Iterator[Found | Bad]:
        self._answer(keep_going)
        for _ in range(self.bad):
            yield Bad(reason="an entry that was not asked for")
        for number, kind in enumerate(self.kinds):
            keep_going()
            if kind in kinds or kind is RecordKind.OTHER:
                yield self._found(number, kind, patient.demographics, keep_going)

    def _found(self, number: int, kind: RecordKind, patient: Demographics, keep_going: KeepGoing) -> Found:
        document = Document(
            patient=patient,
            kind=kind,
            code=None,
            title=f"document {number}",
            status=DocumentStatus.FINAL,
            at=datetime(2026, 1, 5, tzinfo=UTC),
        )
        source = f"https://office.example/DocumentReference/{number}"
        announced = Announced(media_type=self.types[number])
        file = SourceFile(read=lambda: self._read(number, keep_going), announced=announced)
        return Found(document=document, sources=(source,), files=(file,))

    def _read(self, number: int, keep_going: KeepGoing) -> Iterator[bytes]:
        keep_going()
        if number in self.lost:
            raise Unexpected("it is gone")
        for at in range(0, len(self.papers[number]), CHUNK):
            keep_going()
            yield self.papers[number][at : at + CHUNK]

    def _answer(self, keep_going: KeepGoing) -> None:
        keep_going()
        if self.fails:
            raise self.fails


class TakingReceiver:
    """A `transfer.flow.services.PacketReceiver` that takes each packet that it is given."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def submit(self, bundle: bytes) -> None:
        self.taken.append(bundle)

    def tell(self, bundle: bytes) -> None:
        self.taken.append(bundle)

    def has(self, packet: str) -> bool:
        return any(packet.encode() in bundle for bundle in self.taken)

    def cut(self) -> None:
        """Nothing is under way."""


def _folded(who: Demographics) -> set[object]:
    return {name.folded for name in who.names}


class QuietReceiver:
    """A receiver that takes what it is handed and sends no receipt, or cannot be reached."""

    def __init__(self) -> None:
        self.is_there = True

    def submit(self, _bundle: bytes) -> None:
        if not self.is_there:
            raise Unheard("nothing listens there", maybe_received=False)

    def tell(self, bundle: bytes) -> None:
        self.submit(bundle)

    def has(self, _packet: str) -> bool:
        return self.is_there

    def cut(self) -> None:
        """It is never slow."""


class KeptMail:
    """Carries no mail: keeps it, for a test to read."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)
