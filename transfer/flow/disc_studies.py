"""A study from a disc into the image record of its patient, as an archive's would be: by its UID, image by image."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from transfer.adapters.disc import DiscPart, DiscRecord
from transfer.case import OpenedCase
from transfer.flow.identity import DecideAgain
from transfer.flow.imaging import SERIES_TAR
from transfer.flow.services import Services
from transfer.flow.studies import is_whole_study, still_missing
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, holds, opened_records, records, rewritten_records, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.records import About, InstanceLocation, NewRecord, RecordPart, Series, StoredRecord
from transfer.records import Document, DocumentStatus
from transfer.rounds import Dag
from transfer.sources import IndexEntry
from transfer.staging import Location


def study_record(
    services: Services, arrival: Arrival, said: DiscRecord, document: Document, patient: PatientId
) -> NewRecord:
    """The study as a record: of what is kept of it already, nothing is kept twice."""
    assert arrival.location is not None  # a study is kept in the vault
    origin = f"study/{arrival.institution}/{said.study.uid}"
    with services.ledger.transaction() as tx:
        kept = records.known(tx, patient, origin)
        have = _images(records.parts(tx, kept)) if kept else {}
    parts = [_part(arrival.location, one, have) for one in said.parts]
    new = tuple(one for one in parts if one.series and one.series.instances)
    differing = {one.sop_instance_uid for part in said.parts for one in part.images if _differs(one, have)}
    about = replace(
        About.of(document),
        study_instance_uid=said.study.uid,
        modalities=said.study.modalities,
        expected={one.uid: tuple(sorted({*one.instances, *one.missing})) for one in said.study.series},
        conflicting=tuple(sorted(differing | {uid for part in said.parts for uid in part.conflicting})),
        rejected=tuple(sorted({uid for part in said.parts for uid in part.rejected})),
    )
    return NewRecord(
        patient=patient,
        institution=arrival.institution,
        kind=document.kind,
        status=DocumentStatus.FINAL,
        origin=origin,
        about=about,
        parts=new,
        is_whole=is_whole_study(about, new),
        arrival=arrival.id,
    )


def _images(parts: Iterable[RecordPart]) -> Mapping[str, str]:
    """The SHA-256 of each instance that is kept."""
    return {one.sop_instance_uid: one.location.sha256 for part in parts if part.series for one in part.series.instances}


def _differs(one: IndexEntry, have: Mapping[str, str]) -> bool:
    return have.get(one.sop_instance_uid, one.sha256) != one.sha256


def _part(body: Location, said: DiscPart, have: Mapping[str, str]) -> RecordPart:
    tar = Location(body.key, said.offset, said.length, said.sha256)
    instances = tuple(
        InstanceLocation(
            sop_instance_uid=one.sop_instance_uid,
            location=Location(body.key, said.offset + one.offset, one.length, one.sha256),
        )
        for one in said.images
        if one.sop_instance_uid not in have
    )
    series = Series(series_instance_uid=said.series, instances=instances)
    return RecordPart(role="series", content_type=SERIES_TAR, location=tar, series=series)


def keep_study(tx: Tx, new: NewRecord) -> StoredRecord:
    """Keep a study, or add its images to what is kept of it. Twice is once. The caller holds the patient.

    Raises:
        DecideAgain: images of it came by another way since it was looked at.
    """
    kept = records.known(tx, new.patient, new.origin)
    if kept is None:
        return records.keep(tx, new)
    there = records.parts(tx, kept)
    fresh = [one for one in new.parts if one.location not in [part.location for part in there]]
    if _images(fresh).keys() & _images(there).keys():
        raise DecideAgain
    about = _joined(kept.about, new.about)
    if not fresh and about == kept.about:
        return kept
    records.add_parts(tx, new.patient, kept.id, fresh)
    is_whole = is_whole_study(about, [*there, *fresh])
    rewritten_records.rewrite(tx, kept, about, is_whole=is_whole)
    if fresh:
        opened_records.open_all_again(tx, kept)
    return records.known(tx, new.patient, new.origin) or kept


def _joined(kept: About, new: About) -> About:
    series = {*kept.expected, *new.expected}
    return replace(
        kept,
        expected={one: _both(kept.expected.get(one, ()), new.expected.get(one, ())) for one in sorted(series)},
        conflicting=_both(kept.conflicting, new.conflicting),
        rejected=_both(kept.rejected, new.rejected),
        labels=kept.labels | new.labels,
    )


def _both(known: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *new}))


def ask_about_study(tx: Tx, case: OpenedCase, kept: StoredRecord, arrival: Arrival) -> None:
    """What people are asked of a study that joined a case: several that differ, images that are not there, notes that
    reject some. That its last image came is written. Twice is once.
    """
    told = tx.case(case.id)
    if kept.is_whole and kept.id not in told.whole:
        records.complete(tx, case.id, kept)
    if not kept.is_opened:  # its images are opened by the case's round, which may take its time
        rounds.owe(tx, Dag.OPEN_CASE, case.id)
    if kept.about.conflicting:
        holds.place(tx, case.id, HoldCode.IMAGES_CONFLICT, arrival.id)
    if kept.about.rejected:
        records.reject_images(tx, case.id, kept)
        holds.place(tx, case.id, HoldCode.IMAGES_REJECTED, arrival.id)
    _ask_about_lacking(tx, case.id, kept)


def _ask_about_lacking(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    if still_missing(kept.about, records.parts(tx, kept)):
        holds.place(tx, case, HoldCode.IMAGES_LACKING, kept.id)
    else:
        holds.withdraw(tx, case, HoldCode.IMAGES_LACKING, SystemAnswer.ANSWERED, about=kept.id)
