"""A "no" in a body that is none we take stops at the door all the same, and so does one beside a form that permits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.doors import posted
from tests.kit.filed_forms import ends
from tests.kit.objections import a_permitted_case, an_objection, is_permitted
from tests.kit.processing import process_all
from transfer.errors import NotAllowed
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.permissions import End
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

Resource = dict[str, Any]


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def bundle(kind: str, *resources: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]}


def ended(chart: Chart) -> Resource:
    return an_objection(chart, status="inactive")


def asked(method: str, url: str, resource: Resource | None = None) -> Resource:
    request = {"request": {"method": method, "url": url}, **({"resource": resource} if resource else {})}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [request]}


def numbered(chart: Chart) -> str:
    (number,) = an_objection(chart)["identifier"]
    return f"{number['system']}|{number['value']}"


def told(chart: Chart, **said: object) -> Resource:
    return {"status": "completed", "subject": {"identifier": chart["numbers"][b.LAKESIDE]}, **said}


SCAN = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"url": "Binary/1"}}]}
WORDS = {"contentString": "I hereby revoke my authorization to release my records."}
ANSWERS = {"text": "Release my records to Summit", "answer": [{"valueBoolean": False}]}


def form(chart: Chart) -> Resource:
    """A reference to the form by its number."""
    (number,) = an_objection(chart)["identifier"]
    return {"type": "Consent", "identifier": number}


def contract(chart: Chart, status: str, **said: object) -> Resource:
    """A Contract about this patient."""
    subject = [{"identifier": chart["numbers"][b.LAKESIDE]}]
    return {"resourceType": "Contract", "status": status, "subject": subject, **said}


def concept(word: str) -> Resource:
    return {"coding": [{"code": word}]}


BODIES: dict[str, Callable[[Chart], Resource]] = {
    "two at once": lambda chart: bundle(
        "transaction", ended(chart), an_objection(chart, status="inactive", number="2")
    ),
    "with a form that permits": lambda chart: bundle("transaction", ended(chart), an_objection(chart)),
    "with the scan of it": lambda chart: bundle("transaction", ended(chart), SCAN),
    "with a visit": lambda chart: bundle("batch", ended(chart), {"resourceType": "Encounter", "status": "finished"}),
    "as a message": lambda chart: bundle("message", {"resourceType": "MessageHeader"}, ended(chart)),
    "as a document": lambda chart: bundle("document", {"resourceType": "Composition"}, ended(chart)),
    "as what was found": lambda chart: bundle("searchset", ended(chart)),
    "in a bundle of a bundle": lambda chart: bundle("transaction", bundle("collection", ended(chart))),
    "as a parameter": lambda chart: {"resourceType": "Parameters", "parameter": [{"resource": ended(chart)}]},
    "a refusal of two": lambda chart: bundle(
        "transaction", *(an_objection(chart, resource={"provision": {"type": "deny"}}) for _ in range(2))
    ),
    "to be deleted": lambda chart: asked("DELETE", "Consent/1", an_objection(chart)),
    "to be deleted, by its number": lambda chart: asked("DELETE", f"Consent?identifier={numbered(chart)}"),
    "to be changed, by its number": lambda chart: asked(
        "PATCH", f"Consent?identifier={numbered(chart)}", {"resourceType": "Parameters"}
    ),
    "in words": lambda chart: {"resourceType": "Communication", **told(chart, payload=[WORDS])},
    "a contract that is revoked": lambda chart: contract(chart, "revoked", title="Authorization to release records"),
    "a contract of privacy that ended": lambda chart: contract(chart, "terminated", type=concept("privacy")),
    "a contract that opts out": lambda chart: contract(chart, "executed", term=[{"type": concept("OPTOUT")}]),
    "what was done to the form": lambda chart: {
        "resourceType": "Provenance",
        "target": [form(chart)],
        "activity": concept("NULLIFY"),
    },
    "why it was done": lambda chart: {
        "resourceType": "Provenance",
        "target": [form(chart)],
        "reason": [{"text": "Revoked by the patient"}],
    },
    "a log of it": lambda chart: {"resourceType": "AuditEvent", "action": "D", "entity": [{"what": form(chart)}]},
    "taken off a list": lambda chart: {
        "resourceType": "List",
        "status": "current",
        "mode": "changes",
        **told(chart),
        "entry": [{"deleted": True, "item": {"reference": "Consent/1"}}],
    },
    "a list of what was revoked": lambda chart: {
        "resourceType": "List",
        **told(chart, title="Revoked authorizations for release"),
    },
    "something that has no resource": lambda chart: {
        "resourceType": "Basic",
        **told(chart, code={"text": "Revocation of authorization to release records"}),
    },
    "in the answers to a form": lambda chart: {"resourceType": "QuestionnaireResponse", **told(chart, item=[ANSWERS])},
}


@pytest.mark.parametrize("what", BODIES)
def test_a_no_stops_in_whatever_body_it_comes_and_a_person_reads_it(services: Services, what: str):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, BODIES[what](chart))

    assert not is_permitted(services, case)
    process_all(services)
    assert ends(services, case) == [End.PAUSED]
    assert {"arrival-unreadable", "form-stopped"} <= {hold.code for hold in b.open_holds(services)}


def test_a_deletion_that_does_not_say_whose_form_it_is_is_asked_about(services: Services):
    _, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, asked("DELETE", "Consent/17"))

    assert "objection-unmatched" in {hold.code for hold in b.open_holds(services)}
    process_all(services)
    assert "objection-unmatched" in {hold.code for hold in b.open_holds(services)}
    assert is_permitted(services, case)


def within(chart: Chart, kind: str) -> Resource:
    """A form that permits, and beside it a resource that contains a revocation."""
    beside = {"resourceType": kind, "contained": [ended(chart)]}
    return bundle("transaction", an_objection(chart, number="F-2"), beside)


FORMS: dict[str, Callable[[Chart], Resource]] = {
    "a patient with a revocation inside": lambda chart: within(chart, "Patient"),
    "an organization with one": lambda chart: within(chart, "Organization"),
    "a policy that is called an opt-out": lambda chart: an_objection(
        chart,
        number="F-2",
        resource={"policyRule": {"coding": [{"system": ACT_CODE, "code": "OPTIN", "display": "opt out"}]}},
    ),
}
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize("what", FORMS)
def test_a_form_that_comes_with_a_no_permits_nothing_before_a_person_has_looked(services: Services, what: str):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, FORMS[what](chart))

    assert not is_permitted(services, case)
    process_all(services)
    assert not is_permitted(services, case)
    assert "form-stopped" in {hold.code for hold in b.open_holds(services)}


QUIET: dict[str, Callable[[Chart], Resource]] = {
    "a contract with an insurer that ended": lambda chart: contract(
        chart, "terminated", type=concept("healthinsurance")
    ),
    "a contract that is in force": lambda chart: contract(chart, "executed", title="Authorization to release records"),
    "the form that was entered": lambda chart: {
        "resourceType": "Provenance",
        "target": [form(chart)],
        "activity": concept("CREATE"),
    },
    "a note that was deleted": lambda chart: {
        "resourceType": "AuditEvent",
        "action": "D",
        "entity": [{"what": {"reference": "DocumentReference/1"}}],
    },
    "a list with the form": lambda chart: {"resourceType": "List", **told(chart), "entry": [{"item": form(chart)}]},
}


@pytest.mark.parametrize("what", QUIET)
def test_what_says_no_no_is_turned_away_as_before(services: Services, what: str):
    chart, case = a_permitted_case(services)

    with pytest.raises(NotAllowed):
        posted(services, b.LAKESIDE, QUIET[what](chart))

    assert is_permitted(services, case)


def test_what_was_done_to_a_form_is_heard_beside_a_document(services: Services):
    chart, case = a_permitted_case(services)
    log = {"resourceType": "Provenance", "target": [form(chart)], "activity": concept("NULLIFY")}
    document = lives.a_reference("D1", "a note", subject={"identifier": chart["numbers"][b.LAKESIDE]})

    posted(services, b.LAKESIDE, bundle("transaction", document, log))

    assert ends(services, case) == [End.PAUSED]


def test_what_was_done_to_the_form_tells_nothing_more_beside_the_form_itself(services: Services):
    chart, case = a_permitted_case(services)
    b.sign_form(services, chart, number="F-2")
    process_all(services)
    log = {"resourceType": "Provenance", "target": [{"reference": "Consent/1"}], "activity": concept("NULLIFY")}
    patient = {"resourceType": "Patient", "identifier": [chart["numbers"][b.LAKESIDE]]}

    posted(services, b.LAKESIDE, bundle("transaction", patient, ended(chart), log))
    process_all(services)

    assert ends(services, case) == [End.REVOKED, None], "the other one stands"
