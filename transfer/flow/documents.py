"""Documents from a source into a case."""

from collections.abc import Iterator

from transfer.errors import Fenced, NeedsReview, TooLarge
from transfer.flow.admit import rule_request
from transfer.flow.asking import Asking
from transfer.flow.collecting import join, may_collect, taken_back
from transfer.flow.edges import Edges
from transfer.flow.watch import Watch
from transfer.ledger import Tx, patients, people, records, requests, rounds
from transfer.ledger.records import About, Kept, New, Part
from transfer.matching import Candidate, Tier, Verdict, identify
from transfer.patients import Demographics
from transfer.record_requests import NOT_COVERED, RequestState
from transfer.records import Document
from transfer.rounds import Dag
from transfer.sources import Bad, DocumentSource, Found
from transfer.staging import CHUNK


def fetch_documents(
    edges: Edges, asking: Asking, client: DocumentSource, watch: Watch
) -> tuple[RequestState, tuple[str, ...]]:
    """Find the patient there, and collect each document of the kinds the department holds.

    What was collected before stays when the rest fails; asking again finds it kept.

    Returns:
        the request's new state and findings: nothing there, all of it, or all but what a person must look at and what
        no permission covers.
    """
    made = asking.claimed.request
    institution = edges.institutions[made.institution]
    found = client.find_patient(asking.everyone, institution, keep_going=watch.check)
    if found is None:
        return RequestState.NOT_FOUND, ()
    tier = _surely(asking, found.demographics)
    kinds = institution.department(made.department).holds
    count, unusable, left = 0, 0, 0
    for one in client.documents(found, institution, kinds, keep_going=watch.check):
        if isinstance(one, Bad):
            unusable += 1
            continue
        count += 1
        try:
            left += not _collect(edges, asking, one, tier, watch)
        except (NeedsReview, TooLarge):
            unusable += 1
    if unusable:
        with edges.ledger.transaction() as tx:
            people.hold(tx, made.case, "entries-unusable", made.id)
    if not count and not unusable:
        return RequestState.NOT_FOUND, ()
    findings = {"entries-unusable": unusable, NOT_COVERED: left}
    return RequestState.ANSWERED, tuple(finding for finding, count in findings.items() if count)


def _surely(asking: Asking, said: Demographics) -> Tier:
    """The rule by which the one they found is ours.

    Raises:
        NeedsReview: it is somebody else, or may be.
    """
    candidate = Candidate(patient=asking.patient, current=asking.who.current, former=asking.who.former)
    match = identify(said, study_identifiers=frozenset(), candidates=[candidate])
    if match.verdict is not Verdict.OURS:
        raise NeedsReview(f"their patient is not surely ours ({match.tier})")
    return match.tier


def _collect(edges: Edges, asking: Asking, found: Found, tier: Tier, watch: Watch) -> bool:
    """False: no permission covers it, and it was left there."""
    made, document = asking.claimed.request, found.document
    department = edges.institutions[made.institution].department(made.department)
    origin = f"{department.asked.by}/{made.institution}/{min(found.sources)}"
    with edges.ledger.transaction() as tx:
        ruling = may_collect(tx, edges, made.case, made.institution, document.kind, document.labels)
        kept = records.known(tx, asking.patient, origin)
        if not ruling.is_permitted:
            _stop_unless_permitted(tx, edges, asking)
            return False
    if kept is not None:
        _file(edges, asking, document, tier, kept)
        return True
    place = edges.vault.keep(_bounded(found.read(), watch))
    part = Part(role="received", content_type=document.content_type, location=place)
    with taken_back(edges, place.key):
        _file(edges, asking, document, tier, _new(asking, document, origin, part))
    return True


def _stop_unless_permitted(tx: Tx, edges: Edges, asking: Asking) -> None:
    """Stop unless the request is still allowed as it was when we asked.

    Only then may a document that no form covers be left there while the rest is fetched. Otherwise nobody knows what
    was left, and why.

    Raises:
        Fenced: the permission ended or changed, or has expired.
    """
    made = asking.claimed.request
    is_moved = patients.share(tx, asking.patient) != asking.epoch
    if is_moved or not rule_request(tx, edges, asking.patient, asking.receiver, made).is_permitted:
        raise Fenced("the permission ended while we worked")


def _file(edges: Edges, asking: Asking, document: Document, tier: Tier, one: Kept | New) -> None:
    """Put the document on its line, under a basis in force at this moment."""
    made = asking.claimed.request
    with edges.ledger.transaction() as tx:
        patients.share(tx, asking.patient)
        tx.lock_case(made.case)
        requests.still_ours(tx, asking.claimed)
        ruling = may_collect(tx, edges, made.case, made.institution, document.kind, document.labels)
        if not ruling.is_permitted:
            raise Fenced("the permission ended while we worked")
        record = records.keep(tx, one) if isinstance(one, New) else one
        join(tx, edges, made.case, record, ruling, tier, request=made.id)
        if patients.learn(tx, asking.patient, document.patient):
            rounds.ring(tx, Dag.OPEN_CASE, made.case)


def _bounded(chunks: Iterator[bytes], watch: Watch) -> Iterator[bytes]:
    """The stream, looking up at least every `CHUNK`."""
    since = 0
    for chunk in chunks:
        since += len(chunk)
        if since >= CHUNK:
            watch.check()
            since = 0
        yield chunk


def _new(asking: Asking, document: Document, origin: str, part: Part) -> New:
    return New(
        patient=asking.patient,
        institution=asking.claimed.request.institution,
        kind=document.kind,
        status=document.status,
        origin=origin,
        about=About.of(document),
        parts=(part,),
    )
