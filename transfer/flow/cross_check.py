"""What came is held against what else came: are the pieces those of the report, and the images those of theirs?

A count alone asks nobody: laboratories send representative slides.
"""

from collections.abc import Sequence
from typing import Final

from transfer.case import OpenedCase
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.ledger import Tx, holds, materials, records
from transfer.ledger.materials import StoredMaterial
from transfer.ledger.records import StoredRecord
from transfer.materials import is_labelled_as
from transfer.records import RecordKind
from transfer.reported_parts import parts_named

#: who issues Study Instance UIDs
_STUDY_UIDS: Final = "urn:dicom:uid"
_OF_PIECES: Final = frozenset({RecordKind.PATHOLOGY_REPORT})
_OF_IMAGES: Final = frozenset({RecordKind.IMAGES, RecordKind.IMAGING_REPORT})


def check(tx: Tx, opened: OpenedCase, kind: RecordKind) -> None:
    """A record of this kind came. The caller holds the case."""
    if kind in _OF_PIECES:
        check_pieces(tx, opened)
    if kind in _OF_IMAGES:
        _check_images(tx, opened)


def check_pieces(tx: Tx, opened: OpenedCase) -> None:
    """Ask people about pieces whose labels bear another accession number than the laboratory's reports, and about a
    report that calls a part malignant of which none came; about each once.

    Where no report of theirs with a number is here, nothing is said. The caller holds the case.
    """
    pieces = _pieces(tx, opened)
    reports = _standing(tx, opened, RecordKind.PATHOLOGY_REPORT) if pieces else []
    for piece in pieces:
        numbers = [number for kept in reports if kept.institution == piece.institution for number in _numbers(kept)]
        is_other = bool(numbers) and not is_labelled_as(_label(piece), numbers)
        _ask(tx, opened, HoldCode.LABELS_DIFFER, piece.material.id, is_asked=is_other)
    for kept in reports:
        here = _parts_of(pieces, kept)
        is_lacking = here is not None and not here >= {*kept.about.malignant}
        _ask(tx, opened, HoldCode.PART_LACKING, kept.id, is_asked=is_lacking)


def parts_here(tx: Tx, opened: OpenedCase, report: StoredRecord) -> set[str] | None:
    """The parts of which pieces of a report came, as their labels name them. None: none came, or some name no part."""
    return _parts_of(_pieces(tx, opened), report)


def _pieces(tx: Tx, opened: OpenedCase) -> list[StoredMaterial]:
    return [kept for kept in materials.of_case(tx, opened.id, opened.patient) if kept.label]


def _label(piece: StoredMaterial) -> str:
    return piece.label.accession if piece.label else ""


def _parts_of(pieces: Sequence[StoredMaterial], report: StoredRecord) -> set[str] | None:
    numbers = _numbers(report)
    own = [one for one in pieces if one.institution == report.institution and is_labelled_as(_label(one), numbers)]
    named = [_parts_on(one) for one in own]
    return set[str]().union(*named) if own and all(named) else None


def _parts_on(piece: StoredMaterial) -> set[str]:
    """Those that were written down; else the one that stands behind the number (`S25-10071 A2`)."""
    if piece.label and piece.label.parts:
        return {*piece.label.parts}
    behind = _label(piece).split()[1:]
    try:
        return {*parts_named(" ".join(behind))}
    except ValueError:
        return set()


def _check_images(tx: Tx, opened: OpenedCase) -> None:
    """Ask people about a study that bears another accession number than its report, once."""
    for study in _standing(tx, opened, RecordKind.IMAGES):
        is_unlike = bool(unlike_reports(tx, opened, study))
        _ask(tx, opened, HoldCode.IMAGES_UNLIKE_REPORT, study.id, is_asked=is_unlike)


def unlike_reports(tx: Tx, opened: OpenedCase, study: StoredRecord) -> list[StoredRecord]:
    """Reports that are this study's by all but the accession number.

    They name the study, or are of the same institution, day and part of the body. A report with the number of another
    study is that one's, and so nobody is asked while one study of several has not come.
    """
    reports, studies = _standing(tx, opened, RecordKind.IMAGING_REPORT), _standing(tx, opened, RecordKind.IMAGES)
    if not _numbers(study) or any(_share_number(report, study) for report in reports):
        return []
    free = [report for report in reports if not any(_share_number(report, other) for other in studies)]
    return [report for report in free if _numbers(report) and _may_be_of(report, study)]


def _may_be_of(report: StoredRecord, study: StoredRecord) -> bool:
    if named := _studies(report):
        return study.about.study_instance_uid in named
    is_same_day = report.about.day is not None and report.about.day == study.about.day
    is_same_part = bool(report.body & study.body)
    return report.institution == study.institution and is_same_day and is_same_part


def _share_number(report: StoredRecord, study: StoredRecord) -> bool:
    """However its issuer is spelt: archive and report desk often name the issuer of one number differently."""
    ours = {number.upper() for number in _numbers(study)}
    return any(number.upper() in ours for number in _numbers(report))


def _numbers(kept: StoredRecord) -> list[str]:
    return [number.value for number in kept.about.identifiers if number.issuer != _STUDY_UIDS]


def _studies(report: StoredRecord) -> set[str]:
    """UIDs of the studies that a report names, by themselves or among its own numbers."""
    own = (number.value for number in report.about.identifiers if number.issuer == _STUDY_UIDS)
    return {*report.about.studies, *(value.removeprefix("urn:oid:") for value in own)}


def _standing(tx: Tx, opened: OpenedCase, kind: RecordKind) -> list[StoredRecord]:
    return [
        kept
        for kept, joined in records.joined(tx, opened.id)
        if kept.kind is kind and not (joined.superseded or kept.status.is_void)
    ]


def _ask(tx: Tx, opened: OpenedCase, code: HoldCode, about: str, *, is_asked: bool) -> None:
    if not is_asked:
        holds.withdraw(tx, opened.id, code, SystemAnswer.ANSWERED, about=about)
    elif holds.last_answer_about(tx, code, about) is not HoldAnswer.SEEN:
        holds.place(tx, opened.id, code, about)
