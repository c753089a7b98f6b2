"""What came is held against what else came: are the pieces those of the report?

A count alone asks nobody: laboratories send representative slides.
"""

from transfer.case import OpenedCase
from transfer.holds import HoldCode, SystemAnswer
from transfer.ledger import Tx, holds, materials, records
from transfer.materials import is_labelled_as
from transfer.records import RecordKind


def check_labels(tx: Tx, opened: OpenedCase) -> None:
    """Ask people about pieces whose labels bear another accession number than the laboratory's reports, once.

    Where no report of theirs with a number is here, nothing is said. The caller holds the case.
    """
    pieces = [kept for kept in materials.of_case(tx, opened.id, opened.patient) if kept.label]
    if not pieces:
        return
    reports = [
        kept
        for kept, joined in records.joined(tx, opened.id)
        if kept.kind is RecordKind.PATHOLOGY_REPORT and not (joined.superseded or kept.status.is_void)
    ]
    for piece in pieces:
        numbers = [
            one.value for kept in reports if kept.institution == piece.institution for one in kept.about.identifiers
        ]
        name = piece.material.id
        if not numbers or (piece.label and is_labelled_as(piece.label.accession, numbers)):
            holds.withdraw(tx, opened.id, HoldCode.LABELS_DIFFER, SystemAnswer.ANSWERED, about=name)
        elif holds.last_answer_about(tx, HoldCode.LABELS_DIFFER, name) is None:
            holds.place(tx, opened.id, HoldCode.LABELS_DIFFER, name)
