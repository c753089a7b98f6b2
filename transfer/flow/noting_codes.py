"""Codes that mean nothing here yet are noted as they come, so that somebody can say in the institution's file what they
mean. They keep nothing back.
"""

from collections.abc import Collection

from transfer.adapters.own_codes import is_mapped
from transfer.flow.reading import Reading, ReceivedDocuments
from transfer.flow.services import Services
from transfer.identifiers import InstitutionId
from transfer.ledger import unmapped_codes
from transfer.permissions import UnclearForm
from transfer.unmapped_codes import CodeUse, UnmappedCode, in_documents


def note_read(services: Services, institution: InstitutionId, said: Reading | UnclearForm) -> None:
    """Of what an institution sent."""
    if isinstance(said, ReceivedDocuments):
        note(services, institution, CodeUse.DOCUMENT, in_documents(one.document for one in said.documents))
    elif isinstance(said, UnclearForm):
        note(services, institution, CodeUse.CONSENT, said.codes)


def note(services: Services, institution: InstitutionId, use: CodeUse, keys: Collection[str]) -> None:
    """Those of them that the institution's file says nothing of were seen now; again, where they are seen again."""
    known = services.institutions[institution]
    if new := [key for key in keys if not is_mapped(key, known)]:
        with services.ledger.transaction() as tx:
            unmapped_codes.note(tx, institution, use, new)


def left(services: Services, found: Collection[UnmappedCode]) -> list[UnmappedCode]:
    """Those that the institution's file still says nothing of."""
    return [one for one in found if not is_mapped(one.key, services.institutions[one.institution])]
