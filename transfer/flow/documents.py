"""Documents from a source into a case."""

from collections.abc import Iterator
from dataclasses import replace

from transfer.errors import ChangedMeanwhile, NeedsReview, TooLarge
from transfer.flow.basis import may_ask, may_collect
from transfer.flow.collecting import join, taken_back
from transfer.flow.identity import Undecided, ask_whose, match_answer
from transfer.flow.labels import UnclearLabel, check_labels
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.reading import labels_within
from transfer.flow.services import Services
from transfer.flow.watch import Watch
from transfer.holds import HoldCode
from transfer.ledger import Tx, holds, patients, records, requests, rounds
from transfer.ledger.compared import ComparedIdentity
from transfer.ledger.records import About, NewRecord, RecordPart, StoredRecord
from transfer.matching import MatchRule, MatchVerdict
from transfer.records import Document
from transfer.requests import NOT_COVERED, RequestState
from transfer.rounds import Dag
from transfer.sources import Bad, DocumentSource, Found, PatientFound
from transfer.staging import CHUNK


def fetch_documents(
    services: Services, asking: PermittedRequest, client: DocumentSource, watch: Watch
) -> tuple[RequestState, tuple[str, ...]]:
    """Find the patient there, and collect each document of the kinds the department holds.

    What was collected before stays when the rest fails; asking again finds it kept.

    Returns:
        the request's new state and findings: nothing there, all of it, or all but what a person must look at and what
        no permission covers.

    Raises:
        Undecided: people are asked whether the one they found is the patient.
    """
    made = asking.claimed.request
    institution = services.institutions[made.institution]
    found = client.find_patient(asking.everyone, institution, keep_going=watch.check)
    if found is None:
        ask_whose(services, asking, [])
        return RequestState.NOT_FOUND, ()
    match_rule = _surely_ours(services, asking, found)
    if match_rule is None:
        return RequestState.NOT_FOUND, ()
    kinds = institution.department(made.department).holds
    count, unusable, unclear, left = 0, 0, 0, 0
    for one in client.documents(found, institution, kinds, keep_going=watch.check):
        if isinstance(one, Bad):
            unusable += 1
            continue
        count += 1
        try:
            left += not _collect(services, asking, one, match_rule, watch)
        except UnclearLabel:
            unclear += 1
        except (NeedsReview, TooLarge):
            unusable += 1
    if unusable:
        with services.ledger.transaction() as tx:
            holds.place(tx, made.case, HoldCode.ENTRIES_UNUSABLE, made.id)
    if unclear:
        with services.ledger.transaction() as tx:
            holds.place(tx, made.case, HoldCode.SOURCE_LABEL_UNREAD, made.id)
    if count == left and not unusable:
        # Nothing there, or nothing that a permission covers: whoever is told the state learns no difference.
        return RequestState.NOT_FOUND, (NOT_COVERED,) if left else ()
    findings = {"entries-unusable": unusable + unclear, NOT_COVERED: left}
    return RequestState.ANSWERED, tuple(finding for finding, count in findings.items() if count)


def _surely_ours(services: Services, asking: PermittedRequest, found: PatientFound) -> MatchRule | None:
    """The rule by which the one they found is ours. None: people said that it is somebody else.

    Raises:
        Undecided: people are asked.
        NeedsReview: it is nobody we asked about.
    """
    said = found.demographics
    with services.ledger.transaction() as tx:
        match = match_answer(tx, services, asking, said, found.url)
    if match.verdict is MatchVerdict.DOUBTFUL:
        ask_whose(services, asking, [ComparedIdentity(said=said, source=found.url, match_rule=match.match_rule)])
        raise Undecided
    if match.verdict is MatchVerdict.NOT_OURS and match.match_rule is not MatchRule.DECIDED:
        raise NeedsReview("they answered with somebody whom we did not ask about")
    ask_whose(services, asking, [])
    return match.match_rule if match.verdict is MatchVerdict.OURS else None


def _collect(services: Services, asking: PermittedRequest, found: Found, match_rule: MatchRule, watch: Watch) -> bool:
    """False: no permission covers it, and it was left there."""
    made, document = asking.claimed.request, found.document
    institution = services.institutions[made.institution]
    department = institution.department(made.department)
    check_labels(document.labels)
    origin = f"{department.asked.by}/{made.institution}/{min(found.sources)}"
    with services.ledger.transaction() as tx:
        ruling = may_collect(tx, services.institutions, asking.opened, made.institution, document.kind, document.labels)
        kept = records.known(tx, asking.patient, origin)
        if not ruling.is_permitted:
            _stop_unless_permitted(tx, services, asking)
            return False
    if kept is not None:
        _file(services, asking, document, match_rule, kept)
        return True
    within = labels_within(institution)
    place = services.vault.keep(_bounded(within.passing(found.read()), watch))
    part = RecordPart(role="received", content_type=document.content_type, location=place)
    with taken_back(services, place.key):
        if not within.labels <= document.labels:
            document = replace(document, labels=document.labels | within.labels)
            check_labels(document.labels)
            if not _is_covered(services, asking, document):
                services.vault.remove(place.key)
                return False
        _file(services, asking, document, match_rule, _new(asking, document, origin, part))
    return True


def _is_covered(services: Services, asking: PermittedRequest, document: Document) -> bool:
    """Whether it may be collected also with the labels that stand inside it.

    Raises:
        ChangedMeanwhile: it may not, and the permission has ended or changed.
    """
    source = asking.claimed.request.institution
    with services.ledger.transaction() as tx:
        ruling = may_collect(tx, services.institutions, asking.opened, source, document.kind, document.labels)
        if not ruling.is_permitted:
            _stop_unless_permitted(tx, services, asking)
    return ruling.is_permitted


def _stop_unless_permitted(tx: Tx, services: Services, asking: PermittedRequest) -> None:
    """Stop unless the request is still allowed as it was when we asked.

    Only then may a document that no form covers be left there while the rest is fetched. Otherwise nobody knows what
    was left, and why.

    Raises:
        ChangedMeanwhile: the permission ended or changed, or has expired.
    """
    made = asking.claimed.request
    is_moved = patients.hold_epoch_shared(tx, asking.patient) != asking.epoch
    if is_moved or not may_ask(tx, services.institutions, asking.opened, made).is_permitted:
        raise ChangedMeanwhile("the permission ended while we worked")


def _file(
    services: Services,
    asking: PermittedRequest,
    document: Document,
    match_rule: MatchRule,
    one: StoredRecord | NewRecord,
) -> None:
    """Put the document on its line, under a basis in force at this moment."""
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, asking.patient)
        tx.lock_case(made.case)
        requests.still_ours(tx, asking.claimed)
        ruling = may_collect(tx, services.institutions, asking.opened, made.institution, document.kind, document.labels)
        if not ruling.is_permitted:
            raise ChangedMeanwhile("the permission ended while we worked")
        record = records.keep(tx, one) if isinstance(one, NewRecord) else one
        join(tx, services, asking.opened, record, ruling, match_rule, request=made.id)
        if patients.learn(tx, asking.patient, document.patient):
            rounds.owe(tx, Dag.OPEN_CASE, made.case)


def _bounded(chunks: Iterator[bytes], watch: Watch) -> Iterator[bytes]:
    """The stream, looking up at least every `CHUNK`."""
    since = 0
    for chunk in chunks:
        since += len(chunk)
        if since >= CHUNK:
            watch.check()
            since = 0
        yield chunk


def _new(asking: PermittedRequest, document: Document, origin: str, part: RecordPart) -> NewRecord:
    return NewRecord(
        patient=asking.patient,
        institution=asking.claimed.request.institution,
        kind=document.kind,
        status=document.status,
        origin=origin,
        about=About.of(document),
        parts=(part,),
    )
