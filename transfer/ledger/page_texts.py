"""What a machine read on pages of papers that wait: sealed, until somebody has said what the page is."""

from collections.abc import Collection
from dataclasses import dataclass

from transfer.discs import DISC
from transfer.identifiers import IncomingId
from transfer.ledger import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadPaper:
    """A paper, and those of its pages on which nothing was read yet, numbered from 1."""

    incoming: IncomingId
    pages: tuple[int, ...]


def unread(tx: Tx, most: int) -> UnreadPaper | None:
    """The paper that came first of those with a page that nobody has said anything of and no machine has read. Of each
    paper so many pages are read. None: there is none.
    """
    row = tx.row(
        """SELECT incoming, array_agg(page.page ORDER BY page.page) AS pages
           FROM incoming AS paper, generate_series(1, least(cardinality(picture_sizes), %s)) AS page(page)
           WHERE state = 'waiting' AND content_type <> %s
             AND NOT EXISTS (SELECT 1 FROM page_texts AS read
                             WHERE (read.incoming, read.page) = (paper.incoming, page.page))
             AND NOT EXISTS (SELECT 1 FROM indexed_pages AS said
                             WHERE said.incoming = paper.incoming AND page.page = ANY(said.pages))
           GROUP BY incoming, received_at ORDER BY received_at, incoming LIMIT 1""",
        *(most, DISC),
    )
    return UnreadPaper(incoming=IncomingId(row.incoming), pages=tuple(row.pages)) if row else None


def store(tx: Tx, name: IncomingId, page: int, sealed: bytes) -> None:
    """Keep what was read on a page; what was read before stays. The caller holds the lock of the paper."""
    tx.run("INSERT INTO page_texts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", name, page, sealed)


def of(tx: Tx, name: IncomingId, pages: Collection[int]) -> dict[int, bytes]:
    """What was read on these pages of a paper, sealed. A page that was not read is left out."""
    rows = tx.rows(
        "SELECT page, text FROM page_texts WHERE incoming = %s AND page = ANY(%s) ORDER BY page", name, [*pages]
    )
    return {row.page: bytes(row.text) for row in rows}


def forget(tx: Tx, name: IncomingId, pages: Collection[int] | None = None) -> None:
    """Delete what was read on these pages; without any on all. Twice is once."""
    if pages is None:
        tx.run("DELETE FROM page_texts WHERE incoming = %s", name)
    else:
        tx.run("DELETE FROM page_texts WHERE incoming = %s AND page = ANY(%s)", name, [*pages])
