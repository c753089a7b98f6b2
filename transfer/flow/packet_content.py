"""What a packet says of a patient, class by class, so that all of it is ruled on.

Documents and images are records. Glass and blocks, the referral's question and who refers say something, too. The
patient is named by the least that addresses a packet (docs/decisions/0025-what-a-packet-says.md).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC

from transfer import facts
from transfer.case import Case, OpenedCase
from transfer.flaws import Flaw
from transfer.flow.basis import Rulings, class_of, may_release
from transfer.identifiers import PacketId
from transfer.institutions import Institutions
from transfer.ledger import Tx, materials, packets
from transfer.ledger.materials import StoredMaterial
from transfer.ledger.records import Joined, StoredRecord
from transfer.materials import MaterialState
from transfer.packet import ContentClass
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.sentences import SENTENCES


def goes_along(case: Case, kept: StoredRecord, joined: Joined) -> bool:
    """All that is whole and can be read, or a person took as it is, marked as what it is: also what is preliminary.
    What is void leaves nowhere.
    """
    return kept.is_whole and case.counts(kept.id) and not joined.superseded and not kept.status.is_void


def of_material(kept: StoredMaterial) -> ContentClass:
    """Accession number, kind, counts, custody of pieces."""
    return ContentClass(discloser=kept.institution, kind=RecordKind.MATERIAL)


def of_referral(opened: OpenedCase) -> ContentClass:
    """The question and the name of who refers. A referral is a note (LOINC 57133-1, Referral note)."""
    return ContentClass(discloser=opened.referring, kind=RecordKind.NOTE)


def ruled(tx: Tx, institutions: Institutions, packet: PacketId, opened: OpenedCase) -> Rulings:
    """Whether each class of what an assembled packet says may leave now. All must, or nothing of it leaves.

    Raises as `content_of`.
    """
    said = content_of(tx, packet, opened)
    return may_release(tx, institutions, opened.patient, opened.receiver, said)


def content_of(tx: Tx, packet: PacketId, opened: OpenedCase) -> frozenset[ContentClass]:
    """What an assembled packet says, as it was kept. Where a record of it says something else of itself since, that is
    added, and kept.

    Raises:
        Refused: it is purged, or not assembled.
        KeyGone: the patient's key was destroyed.
        Unreadable: its row holds other bytes than were kept.
    """
    kept = packets.content(tx, packet, opened.patient)
    if kept.classes is not None and not kept.is_stale:
        return frozenset(kept.classes)
    said = {class_of(record) for record in packets.contents(tx, packet)}
    if kept.classes is not None:
        said.update(kept.classes)
    else:  # of an earlier release, which put in all of this unasked
        said.add(of_referral(opened))
        said.update(of_material(one) for one in materials.of_case(tx, packet.case, opened.patient))
    packets.keep_content(tx, packet, opened.patient, said)
    return frozenset(said)


def addressed(
    who: Demographics, institutions: Institutions, opened: OpenedCase, said: Iterable[ContentClass]
) -> Demographics:
    """The least by which a receiver knows whose packet it is: one name, birth date, sex, and numbers.

    A number says that its issuer knows the patient. So it goes along only where its issuer is the receiver, or where
    something else of its issuer's goes. Other names are the referral's, and go with it.
    """
    said = frozenset(said)
    known = {opened.receiver, *(content.discloser for content in said)}
    numbers = tuple(n for n in who.identifiers if any(institutions[one].issues(n.issuer) for one in known))
    return replace(who, names=who.names if of_referral(opened) in said else who.names[:1], identifiers=numbers)


def taken_as_it_is(case: Case, record: str) -> str | None:
    """What is wrong with a record that a person took all the same, who that was, and the day in UTC."""
    taken = case.taken.get(record)
    if taken is None:
        return None
    # What is withheld is nobody's to know: it is as if those pages were not.
    whys = [SENTENCES[flaw].staff for flaw in taken.flaws if flaw != Flaw.PAGES_WITHHELD]
    whys += [f"{taken.lacking} of its images did not come."] if taken.lacking else []
    if not whys:
        return None
    return f"{' '.join(whys)} Taken all the same by {taken.by or 'the desk'}, {taken.at.astimezone(UTC):%d %b %Y}."


def agrees(
    case: Case, opened: OpenedCase, carried: Iterable[tuple[StoredRecord, Joined]], pieces: Iterable[StoredMaterial]
) -> bool:
    """Whether the tables say of what goes into a packet what the case's facts say: whose it is, of which kind, under
    which basis it came, what of it was replaced, how many pieces came. A row changed beside the ledger opens nothing.
    """
    return all(_record_agrees(case, opened, *one) for one in carried) and all(
        _pieces_agree(case, one) for one in pieces
    )


def _record_agrees(case: Case, opened: OpenedCase, kept: StoredRecord, joined: Joined) -> bool:
    told = case.records.get(kept.id)
    return (
        told is not None
        # What is no longer counted here may be somebody else's: of patients who were taken apart.
        and (joined.superseded or kept.patient == opened.patient)
        and (told.institution, told.document, told.status) == (kept.institution, kept.kind, kept.status)
        and (told.basis, told.permission) == (joined.basis, joined.permission)
        and joined.superseded == (kept.id in case.superseded)
        and kept.flaws == {*case.flaws.get(kept.id, ())}
    )


def _pieces_agree(case: Case, kept: StoredMaterial) -> bool:
    told = case.material.get(kept.material.id)
    if told is None or (told.institution, told.line) != (kept.institution, kept.line):
        return False
    counted = (kept.material.received, kept.material.expected, kept.material.state)
    if isinstance(told, facts.MaterialReceived):
        return counted == (told.received, told.expected, told.state)
    return counted == (0, 0, MaterialState.WANTED) and kept.material.kind == told.pieces
