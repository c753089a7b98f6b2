"""Studies from an image archive into a case: one request a series, whole by its set of UIDs or owed again."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from transfer.errors import ChangedMeanwhile, CutShort, NeedsReview, Unreachable
from transfer.flow.basis import may_ask, may_collect
from transfer.flow.collecting import join, taken_back
from transfer.flow.identity import Undecided, ask_whose
from transfer.flow.labels import UnclearLabel, check_labels
from transfer.flow.opening_records import note_opened, open_parts
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.series_at_once import SeriesAtOnce
from transfer.flow.services import Services
from transfer.flow.studies import is_whole_study, uids
from transfer.flow.study_identity import compared_identity, match_studies, unlike
from transfer.flow.watch import Watch
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import RecordId
from transfer.ledger import Tx, holds, opened_records, patients, records, requests, rewritten_records
from transfer.ledger.compared import ComparedIdentity
from transfer.ledger.records import About, InstanceLocation, NewRecord, RecordPart, Series, StoredRecord
from transfer.matching import MatchRule, MatchVerdict
from transfer.partial_dates import PartialDate
from transfer.permissions import Ruling
from transfer.records import DocumentStatus, RecordKind, Relation, had_come
from transfer.requests import NOT_COVERED, Request, RequestState
from transfer.security_labels import ORDINARY
from transfer.sources import Ending, ImageArchive, SeriesObject, StudyFound

#: a tar of whole DICOM files; PS3.10 for each of them
SERIES_TAR = "application/x-tar"


def fetch_imaging(
    services: Services, asking: PermittedRequest, client: ImageArchive, watch: Watch
) -> tuple[RequestState, tuple[str, ...]]:
    """Collect every study of the patient. What came whole of a series stays; the rest is asked for by its UIDs.

    Raises:
        CutShort: instances are still missing; ask again.
        Undecided: people are asked whose the studies are, and none is surely the patient's.
        NeedsReview: all that came is of no use.
    """
    made = asking.claimed.request
    institution = services.institutions[made.institution]
    with services.ledger.transaction() as tx:
        seen = tx.now()
    listed_there = client.studies(asking.everyone, institution, keep_going=watch.check)
    studies = [replace(study, at=had_come(study.at, seen)) for study in listed_there]
    matched = match_studies(services, asking, studies)
    ours = [(study, match.match_rule) for study, match in matched if match.verdict is MatchVerdict.OURS]
    doubtful = [compared_identity(study, match) for study, match in matched if match.verdict is MatchVerdict.DOUBTFUL]
    owed = 0
    left: list[NeedsReview] = []
    listed: dict[str, frozenset[str] | None] = dict.fromkeys(study.study_instance_uid for study in studies)
    for study, match_rule in ours:
        try:
            owed += _fetch_study(services, asking, client, study, match_rule, watch, listed)
        except NeedsReview as error:
            left.append(error)  # the others are fetched all the same
            _ask_about_lacking(services, asking, _origin(asking, study), is_lacking=True)
    doubtful += [said for error in left if isinstance(error, _NamesAnother) for said in error.said]
    ask_whose(services, asking, doubtful)
    _ask_about(services, made, left)
    _ask_about_gone(services, asking, listed)
    if owed:
        raise CutShort(f"{owed} instances are missing")
    if all(map(_is_unusable, left)) and len(left) == len(ours):  # and so nothing came
        if doubtful:
            raise Undecided
        if left:
            raise NeedsReview("no study that can be used")
        return RequestState.NOT_FOUND, ()
    withheld = [error for error in left if isinstance(error, _NotCovered)]
    findings = {NOT_COVERED if error in withheld else "entries-unusable" for error in left}
    # Nothing that a permission covers reads as nothing there (as in `documents`).
    state = RequestState.NOT_FOUND if len(withheld) == len(ours) else RequestState.ANSWERED
    return state, tuple(sorted(findings))


def _ask_about(services: Services, made: Request, left: list[NeedsReview]) -> None:
    """A person looks at studies that cannot be used, and reads labels that we cannot."""
    codes = {HoldCode.SOURCE_LABEL_UNREAD for error in left if isinstance(error, UnclearLabel)}
    codes |= {
        HoldCode.ENTRIES_UNUSABLE for error in left if _is_unusable(error) and not isinstance(error, _NamesAnother)
    }
    with services.ledger.transaction() as tx:
        for code in sorted(codes):
            holds.place(tx, made.case, code, made.id)


def _is_unusable(error: NeedsReview) -> bool:
    return not isinstance(error, UnclearLabel | _NotCovered)


class _NotCovered(NeedsReview):
    """The images of a study have a label that no permission covers. What came of them is not kept."""


class _NamesAnother(NeedsReview):
    """Files of a study name somebody who is not surely its patient. `said`: what nobody has decided yet."""

    def __init__(self, said: list[ComparedIdentity]) -> None:
        super().__init__("the images name somebody else")
        self.said = said


def _origin(asking: PermittedRequest, study: StudyFound) -> str:
    return f"study/{asking.claimed.request.institution}/{study.study_instance_uid}"


def _fetch_study(
    services: Services,
    asking: PermittedRequest,
    client: ImageArchive,
    study: StudyFound,
    match_rule: MatchRule,
    watch: Watch,
    listed: dict[str, frozenset[str] | None],
) -> int:
    """Fetch what is missing of one study. Says how many instances are still owed; `listed` is told which there are."""
    uid, made = study.study_instance_uid, asking.claimed.request
    series = sorted(one.uid for one in client.series(uid, keep_going=watch.check))
    expected = {one: client.instances(uid, one, keep_going=watch.check) for one in series}
    listed[uid] = frozenset[str]().union(*expected.values())
    origin = _origin(asking, study)
    have, lacking = _collected_before(services, asking, origin, study, expected, match_rule)
    was_begun, has_ended = bool(have), False
    institution, at_once = services.institutions[made.institution], 1
    if sum(map(len, expected.values())) == len(listed[uid] or ()):  # what one series brings, no other one wants
        at_once = institution.asking_of(made.department).series_at_once
    with SeriesAtOnce(client, uid, institution, services.vault, watch, at_once=at_once) as under_way:
        for place, one in enumerate(series):
            for each in series[place : place + at_once]:
                if each not in under_way and expected[each] - have:
                    watch.check()
                    _stop_unless_permitted(services, asking, study)
                    rest = expected[each] - have if expected[each] & have else None
                    under_way.begin(each, expected=expected[each], wanted=rest)
            if one not in under_way:
                continue
            try:
                got = under_way.take(one)
            except Unreachable as error:
                if not have:
                    raise
                raise CutShort("the archive went away between two series", retry_after=error.retry_after) from None
            if got is None:
                continue
            if others := unlike(services, asking, study, got.stated):
                services.vault.remove(got.location.key)
                raise _NamesAnother([other for other in others if other.match_rule is not MatchRule.DECIDED])
            with taken_back(services, got.location.key):
                _check_labels(services, asking, study, got.labels)
                _keep_series(services, asking, study, expected, got, match_rule, origin)
            have |= got.instances
            has_ended |= got.ending is Ending.CLOSED and not got.complete
    owed = (listed[uid] or frozenset()) - have - lacking
    _ask_about_lacking(services, asking, origin, is_lacking=bool(owed) and (was_begun or has_ended))
    return len(owed)


def _ask_about_gone(services: Services, asking: PermittedRequest, listed: Mapping[str, frozenset[str] | None]) -> None:
    """Ask once about images that came and that the archive lists no more, and rejected by no note: they were deleted or
    moved there, and may be another patient's. `listed`: of each study its instances; None: they could not be listed.
    """
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        _still_permitted(tx, services, asking)
        case = tx.case(made.case)
        for kept, joined in records.joined(tx, made.case):
            if case.records[kept.id].request != made.id or joined.superseded:
                continue
            now = listed.get(kept.about.study_instance_uid or "", frozenset())
            if now is None:
                continue
            if uids(records.parts(tx, kept)) - now - {*kept.about.rejected}:
                if holds.last_answer(tx, made.case, HoldCode.IMAGES_GONE, kept.id) != HoldAnswer.SEEN:
                    holds.place(tx, made.case, HoldCode.IMAGES_GONE, kept.id)
            else:
                holds.withdraw(tx, made.case, HoldCode.IMAGES_GONE, SystemAnswer.ANSWERED, about=kept.id)


def _ask_about_lacking(services: Services, asking: PermittedRequest, origin: str, *, is_lacking: bool) -> None:
    """The archive's answer came to its end without all images, it is not the first one that lacks some, or the rest of
    the study cannot be used.
    """
    with services.ledger.transaction() as tx:
        _still_permitted(tx, services, asking)
        kept, case = records.known(tx, asking.patient, origin), asking.claimed.request.case
        if kept is None or kept.id not in tx.case(case).records:
            return
        if is_lacking and not kept.is_whole:
            holds.place(tx, case, HoldCode.IMAGES_LACKING, kept.id)
        elif not is_lacking:
            holds.withdraw(tx, case, HoldCode.IMAGES_LACKING, SystemAnswer.ANSWERED, about=kept.id)


def _collected_before(
    services: Services,
    asking: PermittedRequest,
    origin: str,
    study: StudyFound,
    expected: dict[str, frozenset[str]],
    match_rule: MatchRule,
) -> tuple[frozenset[str], frozenset[str]]:
    """The instances that came before, for this case or another of the patient's, which the study then joins; and those
    without which a person took it.

    One that has grown since is no longer whole, from this moment on: whatever becomes of the fetch.

    Raises:
        _NotCovered: no permission covers their labels for this case.
    """
    with services.ledger.transaction() as tx:
        if records.known(tx, asking.patient, origin) is None:
            return frozenset(), frozenset()
        _still_permitted(tx, services, asking)
        kept = records.known(tx, asking.patient, origin)  # as it is now that nobody else is at this case
        if kept is None:
            return frozenset(), frozenset()
        ruling = _ruling(tx, services, asking, kept.about.labels, kept.about.day)
        have = uids(records.parts(tx, kept))
        grown = replace(kept.about, expected=_about(study, expected).expected)
        if kept.is_whole and not is_whole_study(grown, records.parts(tx, kept)):
            rewritten_records.rewrite(tx, kept, grown, is_whole=False)
            kept = replace(kept, is_whole=False)
        _join_kept(tx, services, asking, kept, ruling, match_rule)
    if not ruling.is_permitted:
        raise _NotCovered("no permission covers the images that came before")
    return have, frozenset(kept.about.lacking)


def _join_kept(
    tx: Tx, services: Services, asking: PermittedRequest, kept: StoredRecord, ruling: Ruling, match_rule: MatchRule
) -> None:
    """A study that is here already serves this case, too, where a permission covers it here."""
    made = asking.claimed.request
    joined = ruling.is_permitted and join(tx, services, asking.opened, kept, ruling, match_rule, request=made.id)
    if kept.id not in tx.case(made.case).records:
        return
    if kept.about.misplaced:
        holds.place(tx, made.case, HoldCode.IMAGES_MISPLACED, made.id)
    if kept.is_whole and not joined and kept.id not in tx.case(made.case).whole:
        records.complete(tx, made.case, kept)  # its rest came for another case
    if len(kept.about.rejected) > tx.case(made.case).rejected.get(kept.id, (0, 0))[0]:
        _take_back_rejected(tx, made, kept.id)  # also what was rejected for another case


def _ruling(
    tx: Tx, services: Services, asking: PermittedRequest, labels: frozenset[str], dated: PartialDate | None
) -> Ruling:
    source = asking.claimed.request.institution
    return may_collect(tx, services.institutions, asking.opened, source, RecordKind.IMAGES, labels, dated=dated)


def _check_labels(services: Services, asking: PermittedRequest, study: StudyFound, labels: frozenset[str]) -> None:
    """Raises:
    UnclearLabel: only a person can read one of them.
    _NotCovered: no permission covers them.
    """
    check_labels(labels)
    if not labels:
        return
    with services.ledger.transaction() as tx:
        ruling = _ruling(tx, services, asking, labels, _day(study))
    if not ruling.is_permitted:
        _stop_unless_permitted(services, asking, study)
        raise _NotCovered("no permission covers the images")


def _stop_unless_permitted(services: Services, asking: PermittedRequest, study: StudyFound) -> None:
    """Raises:
    ChangedMeanwhile: the archive may not be asked any more.
    _NotCovered: it may, and no permission covers images of the study's day, whatever their labels.
    """
    with services.ledger.transaction() as tx:
        may_go_on = may_ask(tx, services.institutions, asking.opened, asking.claimed.request).is_permitted
        ruling = _ruling(tx, services, asking, frozenset({ORDINARY}), _day(study))
    if not may_go_on:
        raise ChangedMeanwhile("the permission ended while we worked")
    if not ruling.is_permitted:
        raise _NotCovered("no permission covers images of that day")


def _keep_series(
    services: Services,
    asking: PermittedRequest,
    study: StudyFound,
    expected: dict[str, frozenset[str]],
    got: SeriesObject,
    match_rule: MatchRule,
    origin: str,
) -> None:
    """Write one series' object, whole or partial, and whether the study is whole with it."""
    made = asking.claimed.request
    everything = frozenset[str]().union(*expected.values())
    part, about = _part(got), _said_by(got, _about(study, expected))
    found = open_parts(services, asking.patient, made.institution, [part])
    with services.ledger.transaction() as tx:
        _still_permitted(tx, services, asking)
        kept = records.known(tx, asking.patient, origin)
        labels = about.labels | (kept.about.labels if kept else frozenset())
        ruling = _ruling(tx, services, asking, labels, about.day)
        if not ruling.is_permitted:
            raise _NotCovered("no permission covers the images")
        if got.strays - everything or got.unreadable:
            holds.place(tx, made.case, HoldCode.ENTRIES_UNUSABLE, made.id)
        if got.conflicting:
            holds.place(tx, made.case, HoldCode.IMAGES_CONFLICT, made.id)
        if got.misplaced:
            holds.place(tx, made.case, HoldCode.IMAGES_MISPLACED, made.id)
        if kept is None:
            kept = records.keep(tx, _new(asking, about, part, origin))
        else:
            # Of one that was not opened yet, all is opened together.
            found = found if kept.is_opened else None
            _add_series(tx, asking, kept, about, part, is_opened=found is not None)
            kept = records.known(tx, asking.patient, origin) or kept
        if not join(tx, services, asking.opened, kept, ruling, match_rule, request=made.id, found=found):
            note_opened(tx, asking.opened, kept, found)
        _take_back_rejected(tx, made, kept.id)


def _said_by(got: SeriesObject, about: About) -> About:
    """With what was seen while a series came."""
    return replace(
        about,
        misplaced=tuple(sorted(got.misplaced)),
        labels=got.labels,
        rejected=tuple(sorted(got.rejected)),
        conflicting=tuple(sorted({entry.sop_instance_uid for entry in got.conflicting})),
    )


def _take_back_rejected(tx: Tx, made: Request, record: RecordId) -> None:
    """Write and tell a person what the archive rejected of a study; one of which nothing is left no longer counts."""
    kept = records.get(tx, record)
    if kept is None or not kept.about.rejected:
        return
    records.reject_images(tx, made.case, kept)
    holds.place(tx, made.case, HoldCode.IMAGES_REJECTED, made.id)
    if kept.is_whole and uids(records.parts(tx, kept)) <= {*kept.about.rejected}:
        records.supersede(tx, made.case, kept.id, None, Relation.WITHDRAWS)


def _still_permitted(tx: Tx, services: Services, asking: PermittedRequest) -> None:
    """Under all locks: the request is still ours, and the archive may still be asked.

    Raises:
        ChangedMeanwhile: no longer.
    """
    made = asking.claimed.request
    patients.hold_epoch_shared(tx, asking.patient)
    tx.lock_case(made.case)
    requests.still_ours(tx, asking.claimed)
    if not may_ask(tx, services.institutions, asking.opened, made).is_permitted:
        raise ChangedMeanwhile("the permission ended while we worked")


def _add_series(
    tx: Tx,
    asking: PermittedRequest,
    kept: StoredRecord,
    about: About,
    part: RecordPart,
    *,
    is_opened: bool,
) -> None:
    records.add_parts(tx, asking.patient, kept.id, [part])
    about = replace(
        about,
        misplaced=_both(about.misplaced, kept.about.misplaced),
        labels=about.labels | kept.about.labels,
        rejected=_both(about.rejected, kept.about.rejected),
        conflicting=_both(about.conflicting, kept.about.conflicting),
        lacking=kept.about.lacking,
    )
    is_whole = is_whole_study(about, records.parts(tx, kept))
    rewritten_records.rewrite(tx, kept, about, is_whole=is_whole)
    if not is_opened:
        opened_records.open_all_again(tx, kept)
    if is_whole and not kept.is_whole:
        records.complete(tx, asking.claimed.request.case, kept)


def _both(new: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*new, *known}))


def _part(got: SeriesObject) -> RecordPart:
    instances = tuple(
        InstanceLocation(sop_instance_uid=entry.sop_instance_uid, location=got.locate(entry)) for entry in got.index
    )
    series = Series(series_instance_uid=got.series_instance_uid, instances=instances)
    return RecordPart(role="series", content_type=SERIES_TAR, location=got.location, series=series)


def _new(
    asking: PermittedRequest,
    about: About,
    part: RecordPart,
    origin: str,
) -> NewRecord:
    return NewRecord(
        patient=asking.patient,
        institution=asking.claimed.request.institution,
        kind=RecordKind.IMAGES,
        status=DocumentStatus.FINAL,
        origin=origin,
        about=about,
        parts=(part,),
        is_whole=is_whole_study(about, [part]),
    )


def _day(study: StudyFound) -> PartialDate | None:
    return PartialDate.of(study.date) if study.date else None


def _about(
    study: StudyFound,
    expected: dict[str, frozenset[str]],
) -> About:
    return About(
        title=study.description,
        at=study.at,
        day=_day(study),
        identifiers=study.identifiers,
        study_instance_uid=study.study_instance_uid,
        modalities=tuple(sorted(study.modalities)),
        expected={series: tuple(sorted(uids)) for series, uids in expected.items()},
    )
