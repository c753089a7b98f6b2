"""A paper comes in: seen in a bounded process, sealed, kept, and listed in Incoming."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from transfer import incoming as rules
from transfer.adapters import paper
from transfer.flow.services import Services
from transfer.identifiers import IncomingId
from transfer.ledger import Tx, incoming
from transfer.ledger.incoming import NewPaper
from transfer.sealing import KeyName
from transfer.staging import CHUNK, Location


@dataclass(frozen=True, slots=True, kw_only=True)
class CameIn:
    """A paper that is in Incoming. `is_new`: it was not there before."""

    id: IncomingId
    pages: int
    is_new: bool


def take_in(services: Services, line: str, body: bytes) -> CameIn:
    """Keep a paper that came on this line. The same bytes again are the same paper.

    Raises:
        PaperRefused: no pages can be made of it; nothing is kept.
        OutOfOrder: ledger, keys or vault do not answer; the same again is safe.
    """
    seen = see(services, line, body)
    if isinstance(seen, CameIn):
        return seen
    with services.ledger.transaction() as tx:
        return store(tx, seen)


def see(services: Services, line: str, body: bytes) -> CameIn | NewPaper:
    """What a file is: a paper that came before, or a new one whose bytes are kept and still to be stored. No lock is
    held. Raises as `take_in`.
    """
    content_type, digest = rules.type_of(body), hashlib.sha256(body).digest()
    with services.ledger.transaction() as tx:
        known = incoming.has(tx, line, digest)
        before = incoming.get(tx, known) if known else None
    if before is not None:
        return CameIn(id=before.id, pages=before.count, is_new=False)
    return _kept(services, line, content_type, body, paper.drawn(content_type, body))


def store(tx: Tx, new: NewPaper) -> CameIn:
    """List a paper in Incoming. Where another was first with the same bytes, what was kept for this one lapses."""
    stored = incoming.store(tx, new)
    return CameIn(id=stored, pages=len(new.picture_sizes), is_new=stored == new.id)


def _kept(services: Services, line: str, content_type: str, body: bytes, pictures: Sequence[bytes]) -> NewPaper:
    """Its bytes, sealed in the vault under a key of its own."""
    name, keys = IncomingId.draw(), services.ledger.keys
    key = KeyName.incoming(name)
    keys.make(key)
    sealed = [keys.seal(key, one, about=f"{name}.{number}") for number, one in enumerate(pictures, 1)]
    return NewPaper(
        id=name,
        line=line,
        content_type=content_type,
        sha256=hashlib.sha256(body).digest(),
        original=_keep(services, keys.seal(key, body, about=name)),
        pictures=_keep(services, b"".join(sealed)),
        picture_sizes=tuple(map(len, sealed)),
    )


def _keep(services: Services, sealed: bytes) -> Location:
    return services.vault.keep(sealed[at : at + CHUNK] for at in range(0, len(sealed), CHUNK))


def original_of(services: Services, found: incoming.Paper) -> bytes:
    """The paper as it came.

    Raises:
        KeyGone: it is destroyed.
    """
    assert found.original is not None  # the caller has looked at its state
    sealed = b"".join(services.vault.read(found.original))
    return services.ledger.keys.unseal(KeyName.incoming(found.id), sealed, about=found.id)


def picture_of(services: Services, found: incoming.Paper, page: int) -> bytes:
    """The picture of one page, numbered from 1: JPEG. Raises as `original_of`."""
    assert found.pictures is not None  # the caller has looked at its state
    start = sum(found.picture_sizes[: page - 1])
    sealed = b"".join(services.vault.read_range(found.pictures, start, start + found.picture_sizes[page - 1]))
    return services.ledger.keys.unseal(KeyName.incoming(found.id), sealed, about=f"{found.id}.{page}")
