"""Pages of a paper in Incoming that came with what somebody enters: a referral, a release form."""

from dataclasses import dataclass

from transfer import facts
from transfer.adapters import paper
from transfer.flow.desk.incoming import found_paper, named_pages, unless_otherwise
from transfer.flow.desk.verbs import at_desk
from transfer.flow.paper_in import original_of
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, IncomingId, InstitutionId
from transfer.incoming import IndexedPages, PagesBecame
from transfer.ledger import Tx, incoming
from transfer.media_types import PDF
from transfer.page_ranges import in_ranges
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True)
class PagesOf:
    """Pages of a paper in Incoming, as people write them: `1-2`."""

    paper: IncomingId
    pages: str


def document_of(services: Services, came_on: PagesOf, *, actor: Actor, as_pdf: bool = False) -> bytes:
    """The pages as a document: the paper as it came where they are all of it, else a PDF of them. `as_pdf`: a picture
    that is the whole paper becomes one, too.

    Raises:
        Unknown: there is no such paper.
        NotAllowed: it has no such pages.
    """
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        found = found_paper(tx, came_on.paper)
        pages = named_pages(found, came_on.pages)
    body = original_of(services, found)
    stays = len(pages) == found.count and (found.content_type == PDF or not as_pdf)
    return body if stays else paper.taken(found.content_type, body, pages, 0)


def index_as(
    tx: Tx, came_on: PagesOf, became: PagesBecame, case: CaseId, arrival: ArrivalId, institution: InstitutionId
) -> None:
    """Write what the pages became, in the transaction that stores it. The caller has locked patients and cases.

    Raises:
        NotAllowed: they are indexed otherwise.
    """
    found = found_paper(tx, came_on.paper, lock=True)
    pages = named_pages(found, came_on.pages)
    new = IndexedPages(pages=pages, became=became, case=case)
    unless_otherwise(found, new)
    fact = facts.PagesIndexed(
        incoming=came_on.paper, pages=in_ranges(pages), arrival=arrival, document=became, institution=institution
    )
    incoming.index(tx, found, new, arrival=arrival, fact=fact)
