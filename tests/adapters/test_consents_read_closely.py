"""Consents that say less than they seem to: in a foreign code, in an extension, in words, by whoever signed."""

import pytest

from tests.kit.consents import ACT_CODE, COMPLETE, CST, LOINC, PARTNERS, REASON, ROLE, a_form, actor, checked, concept
from transfer.adapters.fhir import consents, inbound
from transfer.adapters.fhir.trees import dump
from transfer.errors import NotAllowed
from transfer.objections import ObjectionKind
from transfer.permissions import Finding
from transfer.permissions.checking import Decision
from transfer.permissions.descriptions import adds_nothing
from transfer.permissions.signatures import is_event, says_when

PATIENT = COMPLETE["contained"][0]
OURS = COMPLETE["extension"]
NPI = "http://hl7.org/fhir/sid/us-npi"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
OBSERVED = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent"
UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
NOT_HIV = {"extension": [{"url": "urn:x:exception", "valueString": "not HIV"}]}
NOTES = {"class": [{"code": "DocumentReference"}]}
REVERSED = {"start": "2026-12-01", "end": "2026-01-01"}


def of_provision(**said):
    return a_form(provision=said)


def of_patient(**said):
    return a_form(contained=[{**PATIENT, **said}])


def of_receiver(reference, *contained):
    receives = {"role": concept("IRCP", ROLE), "reference": reference}
    return a_form(contained=[PATIENT, *contained], provision={"actor": [CST, receives]})


def by_related(*relationship, **said):
    related = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "#patient"}, **said}
    return a_form(contained=[PATIENT, {**related, "relationship": list(relationship)}], performer=[{"reference": "#r"}])


def from_source(kind, **said):
    source = {"resourceType": kind, "id": "d", **said}
    return a_form(
        contained=[PATIENT, source], sourceAttachment=None, sourceReference={"reference": "#d"}, provision=NOTES
    )


def in_bundle(*resources, **said):
    entries = [{"resource": one} for one in (COMPLETE, *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **said}


def narrated(words):
    return a_form(
        text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>'}
    )


TREAT = COMPLETE["provision"]["purpose"][0]
GUARDIAN = concept("GUARD", ROLE_CODE)
RECEIVER = COMPLETE["provision"]["actor"][-1]
PROVENANCE = {"resourceType": "Provenance", "target": [{"reference": "Consent/1"}]}
PERSON = {
    # --- in the same body, a "no"
    "a policy of opt-in that is called opt-out": a_form(policyRule=concept("OPTIN", ACT_CODE, display="opt out")),
    "a revocation inside its patient": in_bundle(
        {"resourceType": "Patient", "id": "p", "contained": [{**COMPLETE, "status": "inactive"}]}
    ),
    # --- beside the form: who says that it stands no more
    "a Provenance that nullifies it": in_bundle({**PROVENANCE, "activity": concept("NULLIFY", "urn:x")}),
    "a Provenance that says so in words": in_bundle({**PROVENANCE, "activity": {"text": "withdrawn by the patient"}}),
    "a Provenance by which it is removed": in_bundle({**PROVENANCE, "entity": [{"role": "removal"}]}),
    "a List in which it is deleted": in_bundle({"resourceType": "List", "entry": [{"deleted": True}]}),
    "an entry that is an answer": in_bundle() | {"entry": [{"resource": COMPLETE, "response": {"status": "410"}}]},
    "an entry that was not sought": in_bundle() | {"entry": [{"resource": COMPLETE, "search": {"mode": "include"}}]},
    "a tag that ends it": a_form(meta={"tag": [{"system": "urn:x", "code": "revoked"}]}),
    "a tag that ends it in words": a_form(meta={"tag": [{"code": "9", "display": "Withdrawn"}]}),
    "a profile of refusals": a_form(meta={"profile": ["http://x.example/StructureDefinition/opt-out-consent"]}),
    "a policy of those who opt out": a_form(policyRule=None, policy=[{"uri": "http://x.example/opt-out"}]),
    "a policy of no disclosure": a_form(policy=[{"uri": "http://x.example/policies/no-disclosure"}]),
    "a remark of DSTU2": of_provision(fhir_comments=["not the HIV results"]),
    # --- the name beside a reference is another's
    "a receiver of another name": of_provision(
        actor=[CST, {**RECEIVER, "reference": {**RECEIVER["reference"], "display": "Some Other Clinic"}}]
    ),
    "a receiver of another name and the same trade": of_provision(
        actor=[CST, {**RECEIVER, "reference": {**RECEIVER["reference"], "display": "Riverside Cancer Institute"}}]
    ),
    "a patient of another name": a_form(patient={"reference": "#patient", "display": "Doe, Jane"}),
    # --- a display that says the contrary
    "a class but for something": of_provision(**{"class": [{"code": "DocumentReference", "display": "no pathology"}]}),
    "a class of fewer": of_provision(**{"class": [{"code": "DocumentReference", "display": "Radiology notes"}]}),
    "a code without something": of_provision(
        code=[{"coding": [{"system": LOINC, "code": "11506-3", "display": "Progress note without psychiatry"}]}]
    ),
    "an action by word of mouth": of_provision(action=[{"coding": [{"code": "disclose", "display": "by telephone"}]}]),
    "a category that refuses": a_form(category=[{"coding": [{"code": "64292-6", "display": "Refusal to release"}]}]),
    "an action in another language": of_provision(
        action=[{"coding": [{"code": "disclose", "display": "nicht offenlegen"}]}]
    ),
    # --- codes count with their system
    "a policy of another system": a_form(policyRule=concept("hipaa-auth", "urn:x")),
    "an opt-in of another system": a_form(policyRule=concept("OPTIN", "urn:x")),
    "a category of another system": a_form(category=[concept("64292-6", "urn:x")]),
    "a guardian of another system": by_related(concept("GUARD", "urn:x")),
    # --- words
    "a category with words": a_form(category=[{**concept("64292-6", LOINC), "text": "for marketing"}]),
    "a second category in words": a_form(category=[concept("64292-6", LOINC), {"text": "psychotherapy notes"}]),
    "a scope with words": a_form(scope={**COMPLETE["scope"], "text": "research only"}),
    "a title with a sign": a_form(sourceAttachment={"data": "AAAA", "title": "All records \N{CROSS MARK}"}),
    "a display that narrows its purpose": of_provision(
        purpose=[{"system": REASON, "code": "TREAT", "display": "treatment of my left leg only"}]
    ),
    "a display that narrows its action": of_provision(
        action=[{"coding": [{"code": "disclose", "display": "Disclose, but no images"}]}]
    ),
    "a display that narrows its receiver": of_provision(actor=[CST, actor("IRCP", "3", display="the surgeon only")]),
    "a display that narrows its category": a_form(
        category=[{"coding": [{"system": LOINC, "code": "64292-6", "display": "Release, except HIV"}]}]
    ),
    "a number that is no longer the center's": of_receiver({"identifier": {"use": "old", "system": NPI, "value": "3"}}),
    "a form behind it that narrows": from_source(
        "DocumentReference", status="current", description="only the MRI of 2024", content=[{"attachment": {}}]
    ),
    "a form behind it by a name that narrows": a_form(
        sourceAttachment=None,
        sourceReference={"reference": "DocumentReference/9", "display": "only the MRI"},
        provision=NOTES,
    ),
    "a contract behind it": from_source("Contract", title="only surgery"),
    "answers behind it": from_source("QuestionnaireResponse", status="completed"),
    # --- the form behind it does not stand
    "a form that was entered in error": from_source(
        "DocumentReference", status="entered-in-error", content=[{"attachment": {"url": "x"}}]
    ),
    "a form that is preliminary": from_source(
        "DocumentReference", status="current", docStatus="preliminary", content=[{"attachment": {"url": "x"}}]
    ),
    "a form that is not there": a_form(sourceAttachment=None, sourceReference={"reference": "#d"}, provision=NOTES),
    "another Consent inside": a_form(
        contained=[PATIENT, {**a_form(contained=None, provision={"type": "deny"}), "id": "d"}]
    ),
    # --- extensions
    "a narrowing of R5": of_provision(
        extension=[
            {"url": f"{R5}.provision.expression", "valueExpression": {"language": "text/fhirpath", "expression": "no"}}
        ]
    ),
    "the decision of R5": a_form(extension=[*OURS, {"url": f"{R5}.decision", "valueCode": "deny"}]),
    "an extension of an actor": of_provision(actor=[CST, {**actor("IRCP", "3"), **NOT_HIV}]),
    "an extension of a refusal": of_provision(
        provision=[{"type": "deny", "class": [{"code": "ImagingStudy"}], **NOT_HIV}]
    ),
    "an extension of a state": a_form(_status=NOT_HIV),
    "an extension of an end": of_provision(period={"start": "2026-03-01", "end": "2026-09-01", "_end": NOT_HIV}),
    "an extension of a check": a_form(verification=[{"verified": True, **NOT_HIV}]),
    "an extension inside one of ours": a_form(extension=[{**one, **NOT_HIV} for one in OURS]),
    "an event that occurred on a day": a_form(
        extension=[*OURS, {"url": consents.EVENT_OCCURRED, "valueDateTime": "2026-01-01"}]
    ),
    "rules of the bundle's own": in_bundle(implicitRules="urn:x"),
    "a modifier on who came with it": in_bundle(
        {"resourceType": "RelatedPerson", "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}
    ),
    # --- an incomplete copy
    "a redacted copy": a_form(meta={"tag": [{"system": OBSERVED, "code": "REDACTED"}]}),
    "a masked copy": a_form(meta={"security": [{"system": OBSERVED, "code": "MASKED"}]}),
    "a part, as a label": a_form(meta={"security": [{"system": OBSERVED, "code": "SUBSETTED"}]}),
    # --- refusals whose time is none
    "a refusal that ends before it begins": of_provision(provision=[{"type": "deny", "period": REVERSED}]),
    "a form that refuses in no time": a_form(
        policyRule=concept("OPTOUT", ACT_CODE), provision={"type": "deny", "period": REVERSED}
    ),
    # --- whom it names
    "a device of the center's": of_provision(actor=[CST, actor("IRCP", "3", type="Device")]),
    "a doctor with the center's number": of_provision(actor=[CST, actor("IRCP", "3", type="Practitioner")]),
    "a role by its reference": of_receiver(
        {"reference": "PractitionerRole/1", "identifier": {"system": NPI, "value": "3"}}
    ),
    "one doctor of the center": of_receiver(
        {"reference": "#pr"},
        {"resourceType": "PractitionerRole", "id": "pr", "organization": {"identifier": {"system": NPI, "value": "3"}}},
    ),
    "two numbers that contradict": of_receiver(
        {"reference": "#o", "identifier": {"system": NPI, "value": "3"}},
        {"resourceType": "Organization", "id": "o", "identifier": [{"system": NPI, "value": "404"}]},
    ),
    "a refusal to one doctor of the center": of_provision(
        provision=[{"type": "deny", "actor": [actor("PRCP", "3", type="Practitioner")]}]
    ),
    # --- whose it is, and who signed
    "a patient whose record was merged": of_patient(
        link=[{"other": {"reference": "Patient/2"}, "type": "replaced-by"}]
    ),
    "a patient who died on an unknown day": of_patient(_deceasedDateTime=UNKNOWN),
    "a guardian from next year on": by_related(GUARDIAN, period={"start": "2027-01-01"}),
    "a guardian who is a neighbour": by_related(concept("NBOR", ROLE_CODE, display="legal guardian")),
    "a neighbour who is a guardian": by_related({**GUARDIAN, "text": "neighbour"}),
    # --- what stands beside the codes, and says otherwise than they do
    "a narrative that refuses": narrated("Odalys does NOT permit that records are released to anybody"),
    "a narrative with an exception": narrated("All records except HIV results"),
    "a tag of its bundle": in_bundle(meta={"tag": [{"code": "revoked"}]}),
    "a tag that it is a draft": a_form(meta={"tag": [{"code": "draft"}]}),
    "a tag that another is in its place": a_form(meta={"tag": [{"code": "superseded"}]}),
    "a profile of denials": a_form(meta={"profile": ["http://x.example/StructureDefinition/consent-deny"]}),
    "a profile of dissent": a_form(meta={"profile": ["http://x.example/StructureDefinition/IHE.PCF.dissent"]}),
    "a policy that blocks": a_form(policy=[{"uri": "http://x.example/block-all"}]),
    "a policy not to share": a_form(policy=[{"uri": "urn:x:do-not-share"}]),
    "a purpose in an emergency": of_provision(purpose=[{**TREAT, "display": "Emergency treatment"}]),
    "a purpose called by another": of_provision(purpose=[{**TREAT, "display": "Research"}]),
    "an action called by another": of_provision(action=[concept("disclose", display="Collect")]),
    "a receiver by a number that has ended": of_receiver(
        {"type": "Organization", "identifier": {**RECEIVER["reference"]["identifier"], "period": {"end": "2020-01-01"}}}
    ),
    "another number of its patient": a_form(
        patient={"reference": "#patient", "identifier": {**PATIENT["identifier"][0], "value": "9999"}}
    ),
    "a group for its patient": a_form(patient={"reference": "#patient", "type": "Group"}),
    "a statement that nobody knows": a_form(
        extension=[*OURS, {"url": "urn:records-transfer:statement", "valueCode": "revoked"}]
    ),
}
PERMITTED = {
    "a narrative of its codes": narrated(
        "Status: active. Disclose to Summit. She may revoke it, but not after release"
    ),
    "a purpose by its name": of_provision(purpose=[{**TREAT, "display": "treatment"}]),
    "an action by its name": of_provision(action=[concept("disclose", display="Disclose")]),
    "its patient's own number beside": a_form(
        patient={"reference": "#patient", "identifier": PATIENT["identifier"][0]}
    ),
    "a guardian": by_related(GUARDIAN, period={"start": "2020-01-01"}),
    "a witness beside it": a_form(
        extension=[
            *OURS,
            {
                "url": "http://hl7.org/fhir/StructureDefinition/consent-Witness",
                "valueReference": {"display": "Ann Other"},
            },
        ]
    ),
    "an extension of the patient's": of_patient(extension=[{"url": "urn:x:race", "valueString": "x"}]),
    "a category in plain words": a_form(category=[{**concept("59284-0", LOINC), "text": "Patient Consent"}]),
    "a scope in plain words": a_form(scope={**COMPLETE["scope"], "text": "Privacy Consent"}),
    "a policy of R4's system": a_form(
        policyRule=concept("hipaa-auth", "http://terminology.hl7.org/CodeSystem/consentpolicycodes")
    ),
    "a form behind it": from_source(
        "DocumentReference", status="current", description="Signed release form", content=[{"attachment": {"url": "x"}}]
    ),
    "an organization behind the number": of_receiver(
        {"reference": "#o", "identifier": {"system": NPI, "value": "3"}},
        {"resourceType": "Organization", "id": "o", "identifier": [{"system": NPI, "value": "3"}]},
    ),
    "a receiver by its name": of_provision(
        actor=[
            *COMPLETE["provision"]["actor"][:-1],
            {**RECEIVER, "reference": {**RECEIVER["reference"], "display": PARTNERS["summit"].name.upper()}},
        ]
    ),
    "a receiver by what it is": of_provision(
        actor=[
            *COMPLETE["provision"]["actor"][:-1],
            {**RECEIVER, "reference": {**RECEIVER["reference"], "display": "The receiving Cancer Center"}},
        ]
    ),
    "a patient by her number": a_form(patient={"reference": "#patient", "display": "MRN 47-1108"}),
    "a patient called patient": a_form(patient={"reference": "#patient", "display": "The patient"}),
    "a patient by her name": a_form(patient={"reference": "#patient", "display": "QUILLFEATHER, O."}),
    "a Provenance that made it": in_bundle({**PROVENANCE, "activity": concept("CREATE", "urn:x")}),
    "a class by its name": of_provision(**{"class": [{"code": "DocumentReference", "display": "Document Reference"}]}),
    "a tag that says nothing": a_form(meta={"tag": [{"system": "urn:x", "code": "imported"}]}),
    "a bundle with its patient": in_bundle({"resourceType": "Patient", "id": "p"}),
}


@pytest.mark.parametrize("what", PERSON)
def test_what_says_less_than_it_seems_to_is_a_persons(what):
    said = checked(PERSON[what])

    assert said.decision is Decision.PERSON
    assert said.findings
    assert all(finding.needs_person for finding in said.findings)


@pytest.mark.parametrize("what", PERMITTED)
def test_what_adds_nothing_changes_nothing(what):
    said = checked(PERMITTED[what])

    assert (said.decision, said.findings) == (Decision.PERMIT, ())


@pytest.mark.parametrize(
    "uri",
    [
        "https://profiles.ihe.net/ITI/PCF/Policy-deny/",
        "https://profiles.ihe.net/ITI/PCF/Policy-deny|1.1.0",
        "http://profiles.ihe.net/iti/pcf/policy-break-glass-only#x",
    ],
)
def test_a_policy_that_refuses_does_so_however_it_is_spelled(uri):
    assert checked(a_form(policy=[{"uri": uri}])).decision is Decision.REFUSE


@pytest.mark.parametrize(
    "source",
    [
        {"sourceAttachment": {"contentType": "application/pdf", "title": "All records"}},
        {"sourceAttachment": None, "sourceReference": {"display": "Signed form"}},
        {"sourceAttachment": None, "sourceReference": {"type": "DocumentReference"}},
    ],
)
def test_a_name_without_a_form_is_no_form(source):
    assert checked(a_form(**source, provision=NOTES)).findings == (Finding.SIGNATURE_MISSING,)


@pytest.mark.parametrize("method", ["DELETE", "GET", "PATCH"])
def test_a_bundle_that_asks_for_something_else_than_to_store_its_consent_stores_none(method):
    request = {"method": method, "url": "Consent/1"}
    sent = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": COMPLETE, "request": request}]}

    if method == "GET":
        with pytest.raises(NotAllowed):
            inbound.sort(dump(sent))
    else:  # it is to end
        (said,) = inbound.said_against(dump(sent), PARTNERS["lakeside"], is_form=True)
        assert (inbound.sort(dump(sent)).form, said.kind) == (inbound.Form.REVOCATION, ObjectionKind.UNREADABLE)
    assert checked(sent).decision is Decision.PERSON
    assert checked({**sent, "entry": [{"resource": COMPLETE, "request": {**request, "method": "PUT"}}]}).findings == ()


# --- a "no" in whatever words, at the door ----------------------------------------------------------------------------

NOES = {
    "a policy that refuses": {"policy": [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-deny"}]},
    "an opt-out as a category": {"category": [concept("OPTOUT", ACT_CODE)]},
    "an opt-out as R5's basis": {"regulatoryBasis": [concept("OPTOUTE", ACT_CODE)]},
    "an opt-out as STU3 names it": {"policyRule": "http://hl7.org/fhir/ConsentPolicy/opt-out"},
    "an exception of STU3": {"except": [{"type": "deny"}]},
    "the decision of R5": {"decision": "deny", "provision": [{}]},
    "the decision of R5 as R4 carries it": {"extension": [{"url": f"{R5}.decision", "valueCode": "deny"}]},
    "an opt-out in an extension of a national guide": {
        "provision": {
            "type": "permit",
            "provision": [
                {"extension": [{"url": "urn:x:participation", "valueCodeableConcept": concept("facility-opt-out")}]}
            ],
        }
    },
    "an exception at depth": {"provision": {"type": "permit", "provision": [{"provision": [{"type": "Deny"}]}]}},
}


NAMED = {
    "the title of the signed form": {"sourceAttachment": {"data": "AAAA", "title": "Revocation of authorization"}},
    "the form that it refers to": {"sourceReference": {"reference": "DocumentReference/1", "display": "Withdrawal"}},
    "a category in words": {"category": [{"text": "Patient refuses release"}]},
    "a category of the site's own": {"category": [concept("CONSENT-REVOKED", "urn:x")]},
    "a policy of the site's own": {"policyRule": {"text": "Consent withdrawn"}},
    "a category with a blank in it": {"category": [{"text": "Opt out"}]},
    "a policy of dissent": {"policy": [{"uri": "http://x.example/dissent"}]},
    "a tag": {"meta": {"tag": [{"code": "rescinded"}]}},
    "a profile": {"meta": {"profile": ["http://x.example/StructureDefinition/RevokedConsent"]}},
}


@pytest.mark.parametrize("what", NAMED)
def test_an_active_form_that_is_called_a_revocation_stops_and_is_a_persons(what):
    said = inbound.said_against(dump({**COMPLETE, **NAMED[what]}), PARTNERS["lakeside"], is_form=True)[0]

    assert said.kind is ObjectionKind.UNREADABLE


def test_a_form_that_tells_of_the_right_to_revoke_objects_to_nothing():
    told = {"text": {"status": "generated", "div": "<div>You may revoke this at any time.</div>"}}

    assert (
        inbound.said_against(dump({**COMPLETE, **told}), PARTNERS["lakeside"], is_form=True)[0].kind
        is ObjectionKind.REPLACES
    )


@pytest.mark.parametrize("what", NOES)
def test_a_no_is_heard_at_the_door_in_whatever_words_it_is_said(what):
    said = inbound.said_against(dump({**COMPLETE, **NOES[what]}), PARTNERS["lakeside"], is_form=True)[0]

    assert said.kind is ObjectionKind.REFUSED
    assert said.patients
    assert inbound.said_against(dump(COMPLETE), PARTNERS["lakeside"], is_form=True)[0].kind is ObjectionKind.REPLACES


# --- an event at which a form ends ------------------------------------------------------------------------------------


def ending_at(event):
    return a_form(
        provision={"period": {"start": "2026-03-01"}},
        extension=[*OURS, {"url": consents.EXPIRES_EVENT, "valueString": event}],
    )


NO_END = (
    "perpetual; Until revoked; until I revoke it in writing; Unless revoked; upon revocation; XXX; 12; End of "
    "research; Completion of the clinical trial; see attached; not specified; Open-ended; lifetime; until "
    "further notice; blank; in perpetuity; ongoing; No expiration event"
)


@pytest.mark.parametrize("event", NO_END.split("; "))
def test_what_names_no_end_is_none(event):
    assert not is_event(event)
    assert checked(ending_at(event)).findings == (Finding.INCOMPLETE_EXPIRATION,)


IN_WORDS = (
    "2025-12-31; 12/31/2025; 31 Dec; December 31st; 20251231; one year from the date of signature; 90 days "
    "after signing; 1yr; one (1) year; 12 months; end of the year"
)


@pytest.mark.parametrize("event", IN_WORDS.split("; "))
def test_an_end_that_is_a_day_or_a_span_in_words_is_a_persons(event):
    assert checked(ending_at(event)).findings == (Finding.DATE_UNREADABLE,)
    assert checked(ending_at(event), policy="access-directive").decision is Decision.PERSON


EVENTS = (
    "discharge; End of my treatment; completion of my second opinion; the day of my discharge; my death; when "
    "I turn 18; until revoked or discharged; upon termination of enrollment in the health plan"
)


@pytest.mark.parametrize("event", EVENTS.split("; "))
def test_an_event_is_an_end(event):
    assert is_event(event)
    assert not says_when(event)
    assert checked(ending_at(event)).decision is Decision.PERMIT


def test_a_name_of_four_letters_is_the_patients_and_a_shorter_one_may_be_a_word():
    assert adds_nothing("Release form of Kahn", ["Kahn"])
    assert not adds_nothing("Release form: No", ["No"])
