"""Papers in Incoming: where their bytes lie, who has them, and what became of each page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from transfer import facts
from transfer.discs import DISC
from transfer.facts import SYSTEM, Chain
from transfer.identifiers import ArrivalId, CaseId, IncomingId
from transfer.incoming import RETURN_WITHIN, IncomingState, IndexedPages, PagesBecame, SentBack, SentBackHow, left
from transfer.ledger import Row, Tx, page_texts, vault_objects
from transfer.page_ranges import in_ranges
from transfer.sealing import SITE, KeyName
from transfer.staging import Location

#: as their indexes have it
_WAITS: Final = "(state = 'waiting' OR to_send_back)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPaper:
    """A paper whose bytes lie sealed in the vault. `pictures`: one of each page, each sealed, one after the other.

    A disc is stored as a paper is: its studies are the pages, and what is said of each stands in the picture's place.
    """

    id: IncomingId
    line: str
    content_type: str
    #: of the bytes as they came
    sha256: bytes
    original: Location
    pictures: Location
    picture_sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper as the ledger has it. Of one that is destroyed, `original` and `pictures` are None. Times are UTC."""

    id: IncomingId
    line: str
    received_at: datetime
    content_type: str
    state: IncomingState
    taken_by: str | None
    original: Location | None
    pictures: Location | None
    picture_sizes: tuple[int, ...]
    parts: tuple[IndexedPages, ...]
    destroy_after: datetime | None
    #: some of it was misdirected, and nobody has said how it went back
    to_send_back: bool
    sent_back: SentBack | None

    @property
    def is_misdirected(self) -> bool:
        """Some of it was."""
        return any(one.became is PagesBecame.MISDIRECTED for one in self.parts)

    @property
    def is_disc(self) -> bool:
        """Its pages are studies."""
        return self.content_type == DISC

    @property
    def count(self) -> int:
        """How many pages it has."""
        return len(self.picture_sizes)

    @property
    def left(self) -> tuple[int, ...]:
        """The pages that are not indexed."""
        return left(self.count, self.parts)


def store(tx: Tx, new: NewPaper) -> IncomingId:
    """Keep a paper. The same bytes on the same line are the same paper: then the id is the earlier one's."""
    dedupe = tx.keys.hmac(SITE, f"incoming|{new.line}|".encode() + new.sha256)
    row = tx.row(
        """INSERT INTO incoming (incoming, line, received_at, dedupe, content_type, state, vault_key, vault_sha256,
             vault_size, pictures_key, pictures_sha256, picture_sizes)
           VALUES (%s, %s, transfer.now(), %s, %s, 'waiting', %s, %s, %s, %s, %s, %s)
           ON CONFLICT (dedupe) DO NOTHING RETURNING incoming""",
        *(new.id, new.line, dedupe, new.content_type),
        *(new.original.key, new.original.sha256, new.original.length),
        *(new.pictures.key, new.pictures.sha256, list(new.picture_sizes)),
    )
    if row is None:
        return IncomingId(tx.value("SELECT incoming FROM incoming WHERE dedupe = %s", dedupe))
    for place in (new.original, new.pictures):
        vault_objects.strike(tx, [place.key])
    count = len(new.picture_sizes)
    if new.content_type == DISC:
        tx.append(SYSTEM, facts.DiscStored(incoming=new.id, line=new.line, studies=count))
    else:
        tx.append(SYSTEM, facts.PaperStored(incoming=new.id, line=new.line, pages=count))
    return new.id


def has(tx: Tx, line: str, sha256: bytes) -> IncomingId | None:
    """The paper that came before with the same bytes on this line."""
    dedupe = tx.keys.hmac(SITE, f"incoming|{line}|".encode() + sha256)
    found = tx.value("SELECT incoming FROM incoming WHERE dedupe = %s", dedupe)
    return IncomingId(found) if found else None


def get(tx: Tx, name: str, *, lock: bool = False) -> Paper | None:
    """The paper. `lock`: nobody else indexes it before this transaction ends; patients and cases are locked before."""
    row = tx.row(f"SELECT * FROM incoming WHERE incoming = %s {'FOR UPDATE' if lock else ''}", name)  # noqa: S608  a constant
    return _of_row(row, _parts(tx, [name]).get(name, ())) if row else None


def listed(tx: Tx, *, everything: bool, limit: int, after: int) -> tuple[list[Paper], int]:
    """So many of the papers that wait or are to go back, oldest first, after the first `after`, and how many there are
    in all; with `everything` the others as well, newest first.
    """
    which = "true" if everything else _WAITS
    order = "received_at DESC, incoming DESC" if everything else "received_at, incoming"
    rows = tx.rows(
        f"SELECT * FROM incoming WHERE {which} ORDER BY {order} LIMIT %s OFFSET %s",  # noqa: S608  our own text
        *(limit, after),
    )
    count = int(tx.value(f"SELECT count(*) FROM incoming WHERE {which}"))  # noqa: S608  our own text
    parts = _parts(tx, [row.incoming for row in rows])
    return [_of_row(row, parts.get(row.incoming, ())) for row in rows], count


def take(tx: Tx, paper: Paper, account: str) -> None:
    """From now on it is the work of this account."""
    tx.run("UPDATE incoming SET taken_by = %s WHERE incoming = %s", account, paper.id)
    tx.append(SYSTEM, facts.PaperTaken(incoming=paper.id))


def index(
    tx: Tx,
    paper: Paper,
    new: IndexedPages,
    *,
    arrival: ArrivalId | None = None,
    fact: facts.PagesIndexed | facts.StudyIndexed | None = None,
) -> Paper:
    """Write what pages became; `arrival` and `fact` of a record. Once no page is left, the paper is done. The caller
    holds its lock.
    """
    tx.run(
        """INSERT INTO indexed_pages (incoming, pages, became, case_id, arrival, indexed_at)
           VALUES (%s, %s, %s, %s, %s, transfer.now())""",
        *(paper.id, list(new.pages), new.became, new.case, arrival),
    )
    page_texts.forget(tx, paper.id, new.pages)  # somebody has said what it is: nothing is left to suggest
    if fact is not None and new.case is not None:
        tx.append(Chain.case(CaseId(new.case)), fact)
    elif paper.is_disc:
        tx.append(SYSTEM, facts.StudiesLeftOut(incoming=paper.id, studies=in_ranges(new.pages), became=new.became))
    else:
        tx.append(SYSTEM, facts.PagesLeftOut(incoming=paper.id, pages=in_ranges(new.pages), became=new.became))
    if new.became is PagesBecame.MISDIRECTED:
        tx.run(
            """UPDATE incoming SET destroy_after = coalesce(destroy_after, transfer.now() + %s), to_send_back = true,
                 sent_back = NULL, sent_back_on = NULL, sent_back_by = NULL
               WHERE incoming = %s""",
            *(RETURN_WITHIN, paper.id),
        )
    now = get(tx, paper.id)
    assert now is not None  # its row is locked
    if not now.left:
        tx.run(
            """UPDATE incoming SET state = 'done',
                 destroy_after = CASE WHEN %s THEN coalesce(destroy_after, transfer.now() + %s) ELSE destroy_after END
               WHERE incoming = %s""",
            *(paper.is_disc, RETURN_WITHIN, paper.id),
        )
    return now


def write_sent_back(tx: Tx, paper: Paper, said: SentBack) -> None:
    """Write how it went back. The caller holds its lock."""
    tx.run(
        """UPDATE incoming SET to_send_back = false, sent_back = %s, sent_back_on = %s, sent_back_by = %s
           WHERE incoming = %s""",
        *(said.how, said.on, said.by, paper.id),
    )
    tx.append(SYSTEM, facts.PaperSentBack(incoming=paper.id, how=said.how, on=said.on.isoformat()))


# --- destroying -------------------------------------------------------------------------------------------------------


def destroy_those_of(tx: Tx, arrivals: Collection[str]) -> None:
    """The papers of which these messages were made are to be destroyed, once each of their pages is indexed."""
    tx.run(
        """UPDATE incoming SET destroy_after = transfer.now() WHERE state <> 'destroyed'
           AND incoming IN (SELECT incoming FROM indexed_pages WHERE arrival = ANY(%s))""",
        list(arrivals),
    )


def to_destroy(tx: Tx) -> list[IncomingId]:
    """The papers whose time is over."""
    rows = tx.rows(
        """SELECT incoming FROM incoming WHERE state = 'done' AND destroy_after <= transfer.now()
           ORDER BY incoming"""
    )
    return [IncomingId(row.incoming) for row in rows]


def without_keys(tx: Tx) -> list[IncomingId]:
    """The papers whose key was destroyed, and that the ledger still names: it was restored from before."""
    rows = tx.rows("SELECT incoming FROM incoming WHERE state <> 'destroyed' ORDER BY incoming")
    names = [IncomingId(row.incoming) for row in rows]
    return [name for name in names if tx.keys.was_destroyed(KeyName.incoming(name))]


def forget(tx: Tx, name: IncomingId) -> Sequence[str]:
    """Forget where its bytes lie, and say where that was: the same bytes may come again. Twice is once."""
    row = tx.row("SELECT * FROM incoming WHERE incoming = %s AND state <> 'destroyed' FOR UPDATE", name)
    if row is None:
        return ()
    tx.run(
        """UPDATE incoming SET state = 'destroyed', vault_key = NULL, pictures_key = NULL, destroy_after = NULL,
             dedupe = convert_to('destroyed|' || incoming, 'UTF8')
           WHERE incoming = %s""",
        name,
    )
    page_texts.forget(tx, name)
    tx.append(SYSTEM, facts.PaperDestroyed(incoming=name))
    return [key for key in (row.vault_key, row.pictures_key) if key]


def _parts(tx: Tx, names: Sequence[str]) -> dict[str, tuple[IndexedPages, ...]]:
    rows = tx.rows("SELECT * FROM indexed_pages WHERE incoming = ANY(%s) ORDER BY indexed_at", list(names))
    found: dict[str, tuple[IndexedPages, ...]] = {}
    for row in rows:
        part = IndexedPages(pages=tuple(row.pages), became=PagesBecame(row.became), case=row.case_id)
        found[row.incoming] = (*found.get(row.incoming, ()), part)
    return found


def _of_row(row: Row, parts: tuple[IndexedPages, ...]) -> Paper:
    is_kept = row.vault_key is not None and row.pictures_key is not None
    sizes = tuple(row.picture_sizes)
    return Paper(
        id=IncomingId(row.incoming),
        line=row.line,
        received_at=row.received_at,
        content_type=row.content_type,
        state=IncomingState(row.state),
        taken_by=row.taken_by,
        original=Location(row.vault_key, 0, row.vault_size, row.vault_sha256) if is_kept else None,
        pictures=Location(row.pictures_key, 0, sum(sizes), row.pictures_sha256) if is_kept else None,
        picture_sizes=sizes,
        parts=parts,
        destroy_after=row.destroy_after,
        to_send_back=row.to_send_back,
        sent_back=SentBack(how=SentBackHow(row.sent_back), on=row.sent_back_on, by=row.sent_back_by)
        if row.sent_back
        else None,
    )
