"""A referral that came as a file: on a stick, by mail, from a system that cannot reach our doors."""

import hashlib
from dataclasses import replace

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import hl7v2
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.hl7v2 import HL7_V2
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.errors import TooLarge
from transfer.facts import Chain
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, refused
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.institutions import Institution
from transfer.ledger import arrivals, arriving
from transfer.ledger.arrivals import NewArrival
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.staging import CHUNK

#: bytes of one referral
LARGEST = 24 << 20
FHIR_JSON = "application/fhir+json"


def open_referral(services: Services, institution: InstitutionId, body: bytes, *, actor: Actor) -> ActionResult:
    """Store a referral as an arrival from this institution and open its case. By its content it is a FHIR bundle or
    resource in JSON, or an HL7 v2 REF^I12. The same file again is the same case.

    Raises:
        Unknown: no such institution.
        NotAllowed: the institution may not refer, or the file is no referral.
        NeedsReview, TooLarge: it cannot be read; nothing was stored.
    """
    demand(actor, Right.WORK_ON_CASES)  # before what the file says is read
    sender = services.institutions[institution]
    if Grant.REFERRALS not in sender.grants:
        raise not_allowed(
            Reason(RefusalCode.MAY_NOT_REFER, institution=institution),
            Remedy(RemedyCode.GRANT_IN_FILE, institution=institution),
        )
    if len(body) > LARGEST:
        raise refused(TooLarge, Reason(RefusalCode.REFERRAL_TOO_LARGE, mebibytes=LARGEST >> 20))
    incoming = _understood(services, sender, body)
    stored = _store(services, incoming, body, actor)
    code = ActionCode.REFERRAL_STORED_BEFORE if stored.is_duplicate else ActionCode.REFERRAL_STORED
    return ActionResult(code, case=CaseId(stored.subject or ""))


def _understood(services: Services, sender: Institution, body: bytes) -> NewArrival:
    """What it is. It is read to its end here, so that who holds the file hears at once what is wrong with it."""
    if body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        said = inbound.sort(body)
        if said.form is not Form.REFERRAL:
            raise _no_referral(said.form)
        inbound.referral(body, sender, services.institutions)
        return _incoming(sender, body, said.key, None, FHIR_JSON)
    header = hl7v2.header(body)
    if hl7v2.kind(header) is not ArrivalKind.REFERRAL:
        raise _no_referral(f"an HL7 v2 {header.message_type[:3]} message")
    if hl7v2.is_several([body]):
        raise _no_referral("several HL7 v2 messages")
    hl7v2.referral(body, sender, services.institutions)
    digest = hashlib.sha256(body).hexdigest()
    return _incoming(sender, body, f"{header.control_id}|{digest}", header.control_id or None, HL7_V2)


def _no_referral(what: str) -> Exception:
    return not_allowed(Reason(RefusalCode.NO_REFERRAL, found=what), Remedy(RemedyCode.GIVE_REFERRAL))


def _incoming(sender: Institution, body: bytes, key: str | None, control: str | None, content_type: str) -> NewArrival:
    digest = hashlib.sha256(body)
    return NewArrival(
        institution=InstitutionId(sender.id),
        door=Door.DESK,
        kind=ArrivalKind.REFERRAL,
        business=key or digest.hexdigest(),
        control=control,
        content_type=content_type,
        payload=body,
        location=None,
        content_sha256=digest.digest(),
    )


def _store(services: Services, incoming: NewArrival, body: bytes, actor: Actor) -> arrivals.Stored:
    if len(body) <= arrivals.IN_ROW:
        return _keep(services, incoming, actor)
    place = services.vault.keep(body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    stored = _keep(services, replace(incoming, payload=None, location=place), actor)
    if stored.is_duplicate:
        services.vault.remove(place.key)
    return stored


def _keep(services: Services, incoming: NewArrival, actor: Actor) -> arrivals.Stored:
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        stored = arriving.store(tx, [incoming])[0]
        arriving.owe_for(tx, [incoming], [stored])
        if not stored.is_duplicate:
            entered = facts.ReferralEntered(arrival=stored.arrival, institution=incoming.institution)
            tx.append(Chain.case(CaseId(stored.subject or "")), entered)
    return stored
