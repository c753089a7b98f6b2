"""A disc comes in: read in a bounded process, sealed study by study, kept, and listed in Incoming."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from transfer import codec
from transfer.adapters import disc
from transfer.adapters.disc import DiscPlace
from transfer.discs import DISC, KeptStudy, ListedDisc, ListedStudy
from transfer.flow.paper_in import CameIn, picture_of, store
from transfer.flow.services import Services
from transfer.identifiers import IncomingId
from transfer.ledger import incoming
from transfer.ledger.incoming import NewPaper, Paper
from transfer.sealing import KeyName
from transfer.staging import CHUNK


def take_in_disc(services: Services, line: str, source: Path | IO[bytes]) -> CameIn:
    """Keep a disc: a folder, or a ZIP file. The same images again are the same disc, however they are packed.

    Raises:
        DiscRefused: no disc can be made of it; nothing is kept.
        OutOfOrder: ledger, keys or vault do not answer; the same again is safe.
    """
    seen = see_disc(services, line, source)
    if isinstance(seen, CameIn):
        return seen
    with services.ledger.transaction() as tx:
        return store(tx, seen)


def see_disc(services: Services, line: str, source: Path | IO[bytes]) -> CameIn | NewPaper:
    """What a disc is: one that came before, or a new one whose bytes are kept and still to be stored. No lock is held.
    Raises as `take_in_disc`.
    """
    place = disc.placed(source)
    found = disc.listed(place)
    sha256 = bytes.fromhex(found.digest)
    with services.ledger.transaction() as tx:
        known = incoming.has(tx, line, sha256)
        before = incoming.get(tx, known) if known else None
    if before is not None:
        return CameIn(id=before.id, pages=before.count, is_new=False)
    return _kept(services, line, place, found)


def _kept(services: Services, line: str, place: DiscPlace, found: ListedDisc) -> NewPaper:
    """Its images, sealed in the vault under a key of its own, and what is said of each study."""
    name, keys = IncomingId.draw(), services.ledger.keys
    key = KeyName.incoming(name)
    keys.make(key)
    sealing = _Sealing(services, name, found)
    original = services.vault.keep(sealing.pieces(place))
    sealed = [
        keys.seal(key, codec.dump(KeptStudy, one), about=f"{name}.{number}")
        for number, one in enumerate(sealing.kept, 1)
    ]
    pictures = services.vault.keep(piece[at : at + CHUNK] for piece in sealed for at in range(0, len(piece), CHUNK))
    return NewPaper(
        id=name,
        line=line,
        content_type=DISC,
        sha256=bytes.fromhex(found.digest),
        original=original,
        pictures=pictures,
        picture_sizes=tuple(map(len, sealed)),
    )


@dataclass(slots=True)
class _Sealing:
    """A disc while its images are sealed, a MiB at a time. `kept` is whole once all pieces went by."""

    services: Services
    name: IncomingId
    found: ListedDisc
    kept: list[KeptStudy] = field(default_factory=list)
    _number: int = 0
    _at: int = 0

    def pieces(self, place: DiscPlace) -> Iterator[bytes]:
        given = disc.given(place, [file for one in self.found.studies for file in one.files])
        for one in self.found.studies:
            start, first, sizes = self._at, self._number, list[int]()
            for plain in _in_chunks(_framed(one, given)):
                sealed = self._sealed(plain)
                sizes.append(len(sealed))
                yield sealed
            kept = KeptStudy(study=one.study, notes=self.found.notes, start=start, first=first, sizes=tuple(sizes))
            self.kept.append(kept)
        next(given, None)  # it is at its end, and says whether the last image was whole

    def _sealed(self, plain: bytes) -> bytes:
        key, about = KeyName.incoming(self.name), _piece(self.name, self._number)
        sealed = self.services.ledger.keys.seal(key, plain, about=about)
        self._number, self._at = self._number + 1, self._at + len(sealed)
        return sealed


def _framed(one: ListedStudy, given: Iterator[tuple[object, bytes]]) -> Iterator[bytes]:
    for file in one.files:
        yield disc.framed(file.size)
        left = file.size
        while left > 0:
            _, piece = next(given)
            left -= len(piece)
            yield piece


def _in_chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Small images together, so that a series of thousands is not as many seals."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= CHUNK:
            yield bytes(held[:CHUNK])
            del held[:CHUNK]
    if held:
        yield bytes(held)


def _piece(name: IncomingId, number: int) -> str:
    return f"{name}#{number}"


def studies_of(services: Services, found: Paper) -> tuple[KeptStudy, ...]:
    """What a disc holds, in the order of its studies' numbers.

    Raises:
        KeyGone: it is destroyed.
    """
    return tuple(codec.load(KeptStudy, picture_of(services, found, number)) for number in range(1, found.count + 1))


def plain_of(services: Services, found: Paper, kept: KeptStudy) -> Iterator[bytes]:
    """The images of a study as `transfer.adapters.disc.images_of` reads them. Raises as `studies_of`."""
    assert found.original is not None  # the caller has looked at its state
    stop = kept.start + sum(kept.sizes)
    sealed, held = services.vault.read_range(found.original, kept.start, stop), bytearray()
    for number, size in enumerate(kept.sizes, kept.first):
        while len(held) < size:
            held += next(sealed)
        piece, held = bytes(held[:size]), held[size:]
        yield services.ledger.keys.unseal(KeyName.incoming(found.id), piece, about=_piece(found.id, number))
