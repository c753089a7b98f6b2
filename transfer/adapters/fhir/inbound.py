"""What institutions post to us: sorted at the door, read in our words afterwards."""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transfer.adapters.fhir import consents, objections, pushes, referrals, task_answers
from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.consents import STATUSES
from transfer.adapters.fhir.documents import DOCUMENT_TYPES
from transfer.adapters.fhir.identities import Resources, demographics, has_died
from transfer.adapters.fhir.pushes import PushedDocument
from transfer.adapters.fhir.trees import Tree, check, child, children, codings, parse, text, type_of
from transfer.adapters.fhir.wrappers import decode
from transfer.arrivals import ArrivalKind, Grant, Receipt, ReceiptStatus, Referral, ReferralUpdate
from transfer.errors import NotAllowed, TooLarge, Unexpected
from transfer.institutions import Institution, Institutions
from transfer.objections import Objection
from transfer.patients import Demographics
from transfer.permissions import Authorization, FormStatus
from transfer.source_answers import AnswerToRequest
from transfer.sources import Bad

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: what a Task says of a packet; any other state says only that it is on its way
_WORDS: Final = {"accepted": ReceiptStatus.ACCEPTED, "rejected": ReceiptStatus.DECLINED}
#: resource types a bundle to us may hold besides what it is about
_COMPANIONS: Final = frozenset(
    {"Patient", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson"}
    | {"Location", "Binary", "List", "Provenance"}
)
_OTHERS: Final = frozenset({"Consent", "ServiceRequest", "Task", "Condition", "Procedure", "Observation", "Specimen"})
#: what an entry may ask for with a Consent (https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request)
_STORES: Final = ("POST", "PUT", None)
_BUNDLES: Final = frozenset({"transaction", "batch", "collection"})


class Form(StrEnum):
    """What a message is, finer than its `ArrivalKind`."""

    RELEASE_FORM = "release-form"
    #: a Consent that ends or voids one filed before (inactive, entered in error)
    REVOCATION = "revocation"
    REFERRAL = "referral"
    RECEIPT = "receipt"
    #: a Task about a request of ours
    REQUEST_ANSWER = "request-answer"
    DOCUMENTS = "documents"
    #: a Task that says how far something is, and decides nothing
    PROGRESS = "progress"


#: what each form is to us, and what its sender must be granted
_KINDS: Final = {
    Form.RELEASE_FORM: (ArrivalKind.AUTHORIZATION, Grant.AUTHORIZATIONS),
    Form.REVOCATION: (ArrivalKind.AUTHORIZATION, Grant.REVOCATIONS),
    Form.REFERRAL: (ArrivalKind.REFERRAL, Grant.REFERRALS),
    Form.RECEIPT: (ArrivalKind.RECEIPT, Grant.RECEIPTS),
    Form.REQUEST_ANSWER: (ArrivalKind.ANSWER, Grant.ANSWERS),
    Form.DOCUMENTS: (ArrivalKind.ANSWER, Grant.RECORDS),
    Form.PROGRESS: (ArrivalKind.NOTICE, Grant.ANSWERS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundBody:
    """What the door needs to know of a message.

    `key` tells a repetition from news: form, state and business identifier in one text. The form is in it because a
    revocation carries the identifier of the form it revokes. None: the message has no identifier, its bytes decide.
    `packet` and `request` are the peer's text until checked against ours. `types` are the resources sent, in order.
    """

    form: Form
    kind: ArrivalKind
    grant: Grant
    key: str | None
    packet: str | None = None
    request: str | None = None
    types: tuple[str, ...] = ()


def sort(body: bytes, sha256: str | None = None) -> InboundBody:
    """What a posted body is. Reads no more of it than that; whether it is well-formed R4 is judged later.

    An outline of the body does as well (`outline`), with the body's own `sha256`. A body that is nothing taken here and
    says no to a release is one for a person: were it turned away, its "no" would stop nothing.

    Raises:
        TooLarge, Unreadable: not JSON within bounds.
        NotAllowed: none of the things taken here, or several of them at once.
    """
    tree = parse(body)
    try:
        subjects = _subjects(tree)
        form = _form(subjects)
    except NotAllowed:
        if not objections.object_anywhere(tree):
            raise
        subjects, form = [tree], Form.REVOCATION
    kind, grant = _KINDS[form]
    task = next((each for each in subjects if type_of(each) == "Task"), {})
    types = tuple(_known_type(child(entry, "resource")) for entry in children(tree, "entry"))
    return InboundBody(
        form=form,
        kind=kind,
        grant=grant,
        key=_key(form, subjects, tree, sha256 or hashlib.sha256(body).hexdigest()),
        packet=_packet_of(task),
        request=task_answers.request_of(task),
        types=types if type_of(tree) == "Bundle" else (_known_type(tree),),
    )


def authorization(body: bytes, institution: Institution, institutions: Institutions) -> Authorization:
    """The release form posted as a Consent, alone or with its Patient in a bundle. See `consents.read`.

    Raises:
        Unreadable, NeedsReview: it cannot be understood without a person.
        NotAllowed: it is another thing beside, and `sort` would not have taken it.
    """
    tree = parse(body)
    subjects = _subjects(tree)
    _form(subjects)
    return consents.read(_one(subjects, "Consent"), _entries(tree), institution, institutions, envelope=tree)


def signed_form(body: bytes) -> bytes | None:
    """The signed form that a posted Consent encloses as a PDF (Consent.sourceAttachment); None: it encloses none, names
    an address instead, or what it encloses is no PDF. Nothing is fetched.

    Raises:
        TooLarge, Unreadable: not JSON within bounds, or not base64.
    """
    consents_sent = [one for one in _subjects(parse(body)) if type_of(one) == "Consent"]
    data = text(consents_sent[0], "sourceAttachment", "data") if len(consents_sent) == 1 else None
    if data is None:
        return None
    form = b"".join(decode(data, lambda: None))
    return form if form.startswith(b"%PDF-") else None


def died(body: bytes, institution: Institution) -> tuple[Demographics, ...]:
    """The patients of whom a posted body says that they have died: as its entries, or contained in one.

    Raises:
        TooLarge, Unreadable: not JSON within bounds.
    """
    tree = parse(body)
    resources = [tree, *(one for entry in _entries(tree) if (one := child(entry, "resource")))]
    resources += [one for resource in resources for one in children(resource, "contained")]
    patients = [one for one in resources if type_of(one) == "Patient" and has_died(one)]
    return tuple(dict.fromkeys(demographics(one, institution) for one in patients))


def said_against(body: bytes, institution: Institution, *, is_form: bool) -> tuple[Objection, ...]:
    """What a posted body says against a release: first what its Consent says that it is, where it is a form, then what
    it brings besides, each once. It is read even where `authorization` raises (`objections`). Of a body that is nothing
    taken here it is all that says no in it, at whatever depth.

    Raises:
        TooLarge, Unreadable: not JSON within bounds, or it objects to more than is settled in one transaction.
    """
    tree = parse(body)
    consent = _sole_consent(tree) if is_form else None
    own = (objections.read(consent, _entries(tree), institution),) if consent else ()
    read_rest = objections.read_beside if consent or not is_form else objections.read_anywhere
    beside = tuple(dict.fromkeys(read_rest(tree, institution)))
    if len(beside) > objections.MOST_BESIDE:
        raise TooLarge(f"more than {objections.MOST_BESIDE} objections at once")
    return own + beside


def referral(body: bytes, institution: Institution, institutions: Institutions) -> Referral | ReferralUpdate:
    """The referral, or what became of one.

    Raises:
        Unreadable, NeedsReview: it cannot be understood without a person.
    """
    tree = parse(body)
    subjects = _subjects(tree)
    task = next((each for each in subjects if type_of(each) == "Task"), {})
    order = {} if subjects == [task] else _one(subjects, "ServiceRequest")
    return referrals.read(order, task, _entries(tree), institution, institutions)


def receipt(body: bytes) -> Receipt:
    """What the receiver says of a packet. A reason that is no plain code is `other`.

    Raises:
        Unreadable, Unexpected: not such a word.
    """
    task = _one(_subjects(parse(body)), "Task")
    check(task)
    packet, word = _packet_of(task), _WORDS.get(text(task, "status") or "")
    if packet is None or word is None:
        raise Unexpected("a Task that is no receipt")
    return Receipt(packet=packet, status=word, reasons=tuple(_reasons(task)) if word is ReceiptStatus.DECLINED else ())


def request_answer(body: bytes, institution: Institution, institutions: Institutions) -> AnswerToRequest:
    """What a source says to a request of ours. See `task_answers.read`.

    Raises:
        Unreadable, Unexpected: not such an answer.
    """
    tree = parse(body)
    return task_answers.read(_one(_subjects(tree), "Task"), _entries(tree), institution, institutions)


def pushed_documents(body: bytes, institution: Institution) -> list[PushedDocument | Bad]:
    """The documents of a bundle, those that cannot be used as `Bad`: one bad entry does not stop the rest.

    Raises:
        TooLarge, Unreadable: not JSON within bounds.
        Unexpected: there is no document in it.
    """
    tree = parse(body)
    found = list(pushes.read(tree if type_of(tree) == "Bundle" else {"entry": [{"resource": tree}]}, institution))
    if not found:
        raise Unexpected("no document in it")
    return found


def _entries(tree: Tree) -> list[Tree]:
    return children(tree, "entry")


def _subjects(tree: Tree) -> list[Tree]:
    """What the message is about: its resources without their companions."""
    if type_of(tree) != "Bundle":
        return [tree]
    if text(tree, "type") not in _BUNDLES:
        raise NotAllowed("a bundle of another type than transaction")
    sent = [entry for entry in _entries(tree) if not _is_superseding(entry)]
    if any(text(entry, "request", "method") not in _STORES and objections.names_consent(entry) for entry in sent):
        raise NotAllowed("a Consent that is not sent to be stored; one that ends says so in its status")
    resources = [child(entry, "resource") for entry in sent]
    if len(resources) < len(_entries(tree)) and not any(map(_replaces, resources)):
        raise NotAllowed("a change of a document that no other document replaces")
    subjects = [each for each in resources if type_of(each) not in _COMPANIONS]
    return _without_signed_form(subjects, _entries(tree))


def _without_signed_form(subjects: list[Tree], entries: list[Tree]) -> list[Tree]:
    """A Consent may bring the document that is its signed form (`Consent.sourceReference`): that is no document of its
    own.
    """
    consents_sent = [each for each in subjects if type_of(each) == "Consent"]
    if len(consents_sent) != 1 or len(subjects) != 2:
        return subjects
    source = Resources.around(consents_sent[0], entries).follow(child(consents_sent[0], "sourceReference"))
    is_source = type_of(source) == "DocumentReference" and any(each is source for each in subjects)
    return consents_sent if is_source else subjects


def _is_superseding(entry: Tree) -> bool:
    """A PATCH by which IHE MHD marks a replaced document as superseded (ITI-65, 2:3.65.4.1.2.6), and nothing more.

    The document that replaces it says so itself, by number (`relatesTo`). The id that is patched is its sender's own.
    """
    resource = child(entry, "resource")
    operations = children(resource, "parameter")
    is_patch = text(entry, "request", "method") == "PATCH" and type_of(resource) == "Parameters"
    return is_patch and bool(operations) and all(map(_sets_superseded, operations))


def _sets_superseded(operation: Tree) -> bool:
    said = {text(part, "name"): part for part in children(operation, "part")}
    value = said.get("value", {})
    return (
        text(operation, "name") == "operation"
        and text(said.get("type", {}), "valueCode") == "replace"
        and text(said.get("path", {}), "valueString") == "DocumentReference.status"
        and "superseded" in (text(value, "valueCode"), text(value, "valueString"))
    )


def _replaces(resource: Tree) -> bool:
    return "replaces" in [text(related, "code") for related in children(resource, "relatesTo")]


def _one(subjects: Iterable[Tree], kind: str) -> Tree:
    found = [each for each in subjects if type_of(each) == kind]
    if len(found) != 1:
        raise Unexpected(f"not one {kind}")
    return found[0]


def _sole_consent(tree: Tree) -> Tree | None:
    """The Consent that a body is; None: it is another thing, or more."""
    with suppress(NotAllowed):
        subjects = _subjects(tree)
        if _form(subjects) in (Form.RELEASE_FORM, Form.REVOCATION):
            return subjects[0]
    return None


def _form(subjects: list[Tree]) -> Form:
    """By the types of the resources, each of which belongs to one form."""
    kinds = [type_of(each) or "" for each in subjects]
    if kinds == ["Consent"]:
        status = STATUSES.get(text(subjects[0], "status") or "")
        ended = status in (FormStatus.REVOKED, FormStatus.ENTERED_IN_ERROR)
        return Form.REVOCATION if ended else Form.RELEASE_FORM
    if kinds.count("ServiceRequest") == 1 and set(kinds) <= {"ServiceRequest", "Task", "Condition", "Procedure"}:
        return Form.REFERRAL
    if kinds == ["Task"]:
        return _task_form(subjects[0])
    if kinds and set(kinds) & DOCUMENT_TYPES and set(kinds) <= DOCUMENT_TYPES | {"Observation", "Specimen"}:
        return Form.DOCUMENTS
    raise NotAllowed("none of the things that are taken here, or several at once")


def _task_form(task: Tree) -> Form:
    status = text(task, "status") or ""
    if _packet_of(task):
        return Form.RECEIPT if status in _WORDS else Form.PROGRESS
    if task_answers.request_of(task):
        return Form.REQUEST_ANSWER if status in task_answers.SAYS_SOMETHING else Form.PROGRESS
    if _is_of_order(task):
        return Form.REFERRAL
    raise NotAllowed("a Task about nothing of ours")


def _is_of_order(task: Tree) -> bool:
    """Whether it speaks of a ServiceRequest sent before: it refers to one, or asks to fulfil what its number names."""
    referred = [child(task, "focus"), *children(task, "basedOn")]
    if any("ServiceRequest" in (text(one, "type"), *(text(one, "reference") or "").split("/")) for one in referred):
        return True
    asked = {text(coding, "code") for coding in codings(child(task, "code"))}
    return bool(children(task, "identifier")) and "fulfill" in asked


def _packet_of(task: Tree) -> str | None:
    """The packet that the Task is about, in its focus or among its own identifiers."""
    for identifier in (child(task, "focus", "identifier"), *children(task, "identifier")):
        if text(identifier, "system") == PACKET:
            return text(identifier, "value")
    return None


def _reasons(task: Tree) -> list[str]:
    said = [text(coding, "code") or "" for coding in codings(child(task, "statusReason"))]
    return list(dict.fromkeys(code if _CODE.fullmatch(code) else "other" for code in said))


def _key(form: Form, subjects: list[Tree], tree: Tree, sha256: str) -> str | None:
    """The business key of a message.

    A Task may be sent again in a later state, so its `lastModified` belongs to its key. A Consent has no such element.
    A corrected release form, a changed referral or a changed set of documents comes under its old number. What a source
    says to a request changes within one state of its Task. So their bytes belong to their keys.
    """
    about = subjects[0]
    if form is Form.REFERRAL:
        tasks = [each for each in subjects if type_of(each) == "Task" and children(each, "identifier")]
        about = tasks[0] if tasks else about
    if form is Form.DOCUMENTS:
        sets = [child(entry, "resource") for entry in _entries(tree)]
        about = next((each for each in sets if type_of(each) == "List" and _numbers(each)), tree)
    numbers = _numbers(about)
    if not numbers:
        return None
    if form in (Form.RELEASE_FORM, Form.REVOCATION, Form.REFERRAL, Form.DOCUMENTS, Form.REQUEST_ANSWER):
        numbers = [*numbers, sha256]
    return "|".join((form, text(about, "status") or "", text(about, "lastModified") or "", *numbers))


def _numbers(resource: Tree) -> list[str]:
    """Its business identifiers, each as `system|value`. A Bundle has one, a Task's focus counts as its own."""
    said = [*children(resource, "identifier"), child(resource, "identifier"), child(resource, "focus", "identifier")]
    return [f"{text(each, 'system') or ''}|{value}" for each in said if (value := text(each, "value"))]


def _known_type(resource: Tree) -> str:
    """For an answer that names it: only types we know, nothing of the sender's own."""
    kind = type_of(resource) or ""
    known = _COMPANIONS | DOCUMENT_TYPES | _OTHERS
    return kind if kind in known else "Basic"
