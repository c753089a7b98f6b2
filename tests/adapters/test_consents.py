"""Release forms as they come by FHIR, judged whole: what is permitted, what is refused, and what is a person's."""

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kit.consents import (
    ACT_CODE,
    COMPLETE,
    CONFIDENTIALITY,
    CST,
    FORMS,
    IRCP,
    LOINC,
    NOW,
    PARTNERS,
    REASON,
    ROLE,
    a_form,
    actor,
    checked,
    concept,
)
from transfer.adapters.fhir import consent_provisions, consents, inbound
from transfer.adapters.fhir.consent_codes import Doubts
from transfer.adapters.fhir.identities import Resources
from transfer.permissions import Action, Finding, FormStatus, Provision, ProvisionType, Release, UnclearForm
from transfer.permissions.checking import Decision
from transfer.permissions.provisions import outcomes
from transfer.records import RecordKind

SAMPLES = Path(__file__).parents[1] / "samples"
with (FORMS / "expected.tsv").open() as table:
    EXPECTED = list(csv.DictReader(table, delimiter="\t"))
PERMIT, DENY = ProvisionType.PERMIT, ProvisionType.DENY


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_names_every_form_and_each_once():
    assert sorted(row["file"] for row in EXPECTED) == sorted(path.name for path in FORMS.glob("*.json"))
    assert len(EXPECTED) == 71


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['file'].removesuffix('.json')}-{row['what']}")
def test_each_form_of_the_table_is_decided_as_it_says(row):
    said = checked(
        (FORMS / row["file"]).read_bytes(),
        policy=row["policy"],
        labels=row["labels"],
        now=datetime.fromisoformat(row["at"]),
    )

    assert (said.decision, set(said.findings)) == (row["decision"], set(map(Finding, row["findings"].split())))


NPI = "http://hl7.org/fhir/sid/us-npi"


def spelled(begin: str, reason: str, degree: str, role: str, number: str) -> dict[str, Any]:
    """The complete form, with the systems of its codes and numbers spelled otherwise."""
    said = a_form(provision={"securityLabel": [{"system": CONFIDENTIALITY, "code": "N"}]})
    known = {REASON: begin + reason, CONFIDENTIALITY: begin + degree, ROLE: begin + role, NPI: number}
    text = json.dumps(said)
    for ours, theirs in known.items():
        text = text.replace(f'"{ours}"', f'"{theirs}"')
    return dict(json.loads(text))


def titled(title: str) -> dict[str, Any]:
    return a_form(
        sourceAttachment={"contentType": "application/pdf", "data": "AAAA", "title": title},
        provision={"class": [{"code": "DocumentReference"}]},
    )


# --- siblings of the table: each kind of fault once more, otherwise ---------------------------------------------------

PERSON = {
    "words beside a code": a_form(provision={"code": [{**concept("11488-4", LOINC), "text": "the last one only"}]}),
    "an action in words": a_form(provision={"action": [{"text": "disclose the images"}]}),
    "an action that nobody knows": a_form(provision={"action": [concept("disclose"), concept("sell")]}),
    "a purpose in words": a_form(provision={"purpose": [{"display": "treatment"}]}),
    "a purpose without its system": a_form(provision={"purpose": [{"code": "TREAT"}]}),
    "an unknown purpose beside a known one": a_form(
        provision={"purpose": [{"system": REASON, "code": "TREAT"}, {"system": "urn:x", "code": "OTHER"}]}
    ),
    "a label in words": a_form(provision={"securityLabel": [{"display": "HIV"}]}),
    "a label of a site's own": a_form(provision={"securityLabel": [{"system": "urn:x", "code": "HIV"}]}),
    "a class that is none of ours beside one": a_form(
        provision={"class": [{"code": "DocumentReference"}, {"code": "Patient"}]}
    ),
    "a class in words": a_form(provision={"class": [{"display": "notes"}]}),
    "two codes of one document, one unknown": a_form(
        provision={"code": [{"coding": [{"system": LOINC, "code": "11488-4"}, {"system": "urn:x", "code": "N1"}]}]}
    ),
    **{
        f"a title that says more: {title}": titled(title)
        for title in (
            "Records of 2024",
            "Signed 03/02/2026",
            "Lakeside records",
            "Images of Odalys",
            "Jane Quillfeather - ROI",
            "Release to my brother",
        )
    },
    "a title that narrows": a_form(
        sourceAttachment={"contentType": "application/pdf", "data": "AAAA", "title": "All records of 2024"}
    ),
    "a title in another tongue": a_form(
        sourceAttachment={"contentType": "application/pdf", "data": "AAAA", "title": "Тільки 2024"}
    ),
    "narrative with more in it": a_form(
        text={"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">not to my employer</div>'}
    ),
    "a class of persons receives": a_form(provision={"actor": [CST, actor("IRCP", None, display="my doctors")]}),
    "a stranger beside the center": a_form(provision={"actor": [CST, IRCP, actor("IRCP", "404")]}),
    "a role that nobody knows": a_form(provision={"actor": [CST, IRCP, actor("WIT", "2")]}),
    "a recipient that is told": a_form(provision={"actor": [CST, actor("TRC", "3")]}),
    "a role without its system": a_form(
        provision={"actor": [CST, {"role": concept("IRCP"), "reference": IRCP["reference"]}]}
    ),
    "a child of whom only the year is known": a_form(contained=[{**COMPLETE["contained"][0], "birthDate": "2008"}]),
    "a representative who is not at hand": a_form(
        extension=[*COMPLETE["extension"], {"url": consents.AUTHORITY, "valueString": "legal guardian"}],
        performer=[{"reference": "RelatedPerson/1"}],
    ),
    "two scopes": a_form(scope={"coding": [*COMPLETE["scope"]["coding"], {"system": "urn:x", "code": "treatment"}]}),
    "no scope but in words": a_form(scope={"text": "privacy"}),
    "two categories": a_form(category=[*COMPLETE["category"], concept("RESEARCH", ACT_CODE)]),
    "a custodian who is none of ours": a_form(organization=[{"display": "Elsewhere"}], provision={"actor": [IRCP]}),
    "a modifier on an actor": a_form(
        provision={"actor": [{**CST, "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, IRCP]}
    ),
    "a modifier on the patient": a_form(
        contained=[{**COMPLETE["contained"][0], "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}]
    ),
    "rules of the sender's own": a_form(implicitRules="urn:x"),
    "test data": a_form(meta={"security": [{"system": REASON, "code": "HTEST"}]}),
    "a patient of test data": a_form(
        contained=[{**COMPLETE["contained"][0], "meta": {"tag": [{"system": REASON, "code": "HTEST"}]}}]
    ),
    "an end that is said to be unknown": a_form(
        provision={
            "period": {
                "start": "2026-03-01",
                "_end": {
                    "extension": [
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                            "valueCode": "unknown",
                        }
                    ]
                },
            }
        }
    ),
    "one document refused": a_form(
        provision={
            "provision": [
                {"type": "deny", "data": [{"meaning": "instance", "reference": {"reference": "DocumentReference/1"}}]}
            ]
        }
    ),
    "one kind of document refused": a_form(
        provision={"provision": [{"type": "deny", "code": [concept("11488-4", LOINC)]}]}
    ),
    "a nurse is refused": a_form(
        provision={"provision": [{"type": "deny", "actor": [actor("PRCP", None, display="Nurse")]}]}
    ),
    "a period of the data is refused": a_form(
        provision={"provision": [{"type": "deny", "dataPeriod": {"end": "2020-01-01"}}]}
    ),
    "checks that disagree": a_form(verification=[{"verified": True}, {"verified": False}]),
    "checked with somebody else": a_form(
        verification=[{"verified": True, "verifiedWith": {"reference": "Patient/another"}}]
    ),
    "checked next year": a_form(verification=[{"verified": True, "verificationDate": "2027-03-02"}]),
    "the patient has died": a_form(contained=[{**COMPLETE["contained"][0], "deceasedBoolean": True}]),
    "a representative of another patient": a_form(
        contained=[
            *COMPLETE["contained"],
            {
                "resourceType": "RelatedPerson",
                "id": "r",
                "patient": {"reference": "Patient/another"},
                "relationship": [{"text": "legal guardian"}],
            },
        ],
        performer=[{"reference": "#r"}],
    ),
    "a representative with an authority in words": a_form(
        contained=[
            *COMPLETE["contained"],
            {
                "resourceType": "RelatedPerson",
                "id": "r",
                "patient": {"reference": "#patient"},
                "relationship": [{"text": "by my word"}],
            },
        ],
        performer=[{"reference": "#r"}],
    ),
    "a policy that nobody knows": a_form(policyRule=concept("my-policy")),
    "a state that R4 does not have": a_form(status="sleeping"),
    "neither a policy nor a rule": a_form(policyRule=None),
    "no patient": a_form(patient=None, performer=[{"reference": "#patient"}]),
    "a patient without a name or a number": a_form(contained=[{"resourceType": "Patient", "id": "patient"}]),
    "two patients under one name": a_form(contained=[*COMPLETE["contained"], COMPLETE["contained"][0]]),
    "checked an hour before": a_form(
        verification=[{"verified": True, "verificationDate": "2026-03-02T22:30:00-06:00"}]
    ),
    "more exceptions than anybody writes": a_form(
        provision={"provision": [{"type": "deny", "class": [{"code": "ImagingStudy"}]}] * 101}
    ),
    "no JSON": b"{",
    "another resource": {"resourceType": "Patient"},
}
REFUSED = {
    "ended an hour ago": a_form(provision={"period": {"end": "2026-06-15T14:00:00Z"}}),
    "begins in an hour": a_form(provision={"period": {"start": "2026-06-15T16:00:00Z", "end": "2026-09-01"}}),
    "an exception that begins today": a_form(
        provision={"provision": [{"type": "deny", "period": {"start": "2026-06-15T16:00:00Z"}}]}
    ),
    "no title": a_form(sourceAttachment={"contentType": "application/pdf", "data": "AAAA"}),
    "access alone": a_form(provision={"action": [concept("access")], "class": [{"code": "DocumentReference"}]}),
    "another's organization": a_form(
        organization=[{"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "2"}}],
        provision={"actor": [IRCP]},
    ),
    "signed in a year": a_form(dateTime="2026"),
    "signed by a witness": a_form(performer=[{"reference": "Practitioner/1"}]),
    "signed by another patient": a_form(performer=[{"reference": "Patient/mother"}]),
    "opted out": a_form(policyRule=concept("OPTOUT", ACT_CODE)),
    "opted out, whatever the root is": a_form(policyRule=concept("OPTOUT", ACT_CODE), provision={"type": None}),
    "a policy that refuses": a_form(policy=[{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-deny"}]),
    "an exception for all": a_form(provision={"provision": [{"type": "deny"}]}),
    "an exception for us": a_form(provision={"provision": [{"type": "deny", "actor": [actor("PRCP", "3")]}]}),
    "an exception for treatment": a_form(
        provision={"provision": [{"type": "deny", "purpose": [{"system": REASON, "code": "TREAT"}]}]}
    ),
    "an exception for this kind": a_form(
        provision={"provision": [{"type": "deny", "class": [{"code": "DocumentReference"}]}]}
    ),
    "two exceptions, one a refusal": a_form(provision={"provision": [{"type": "permit"}, {"type": "deny"}]}),
    "for coordination alone": a_form(provision={"purpose": [{"system": REASON, "code": "COC"}]}),
    "for ever": a_form(
        provision={"period": {"start": "2026-03-01"}},
        extension=[*COMPLETE["extension"], {"url": consents.EXPIRES_EVENT, "valueString": "Never expires"}],
    ),
    "refused, filed by somebody we do not know": a_form(
        organization=[{"display": "Elsewhere"}], provision={"type": "deny", "actor": None}
    ),
    "refused to somebody else, too": a_form(
        provision={"type": "deny", "actor": [IRCP, actor("IRCP", "404")]}, policyRule=concept("OPTOUT", ACT_CODE)
    ),
    "entered in error": a_form(status="entered-in-error"),
    "a draft, however odd": a_form(status="draft", scope={"text": "x"}),
}
PERMITTED = {
    "an organization discloses": a_form(
        organization=[{"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}],
        provision={"actor": [IRCP]},
    ),
    "a class without an action": a_form(provision={"class": [{"code": "DocumentReference"}], "action": None}),
    "an action with its system": a_form(
        provision={"action": [concept("disclose", "http://terminology.hl7.org/CodeSystem/consentaction")]}
    ),
    "words that are the code's": a_form(
        provision={"code": [{**concept("11488-4", LOINC, display="Consult note"), "text": "Consult note"}]}
    ),
    **{
        f"a title without news: {title}": titled(title)
        for title in (
            "Authorization for Use and Disclosure of Protected Health Information",
            "Request for Medical Records",
            "Quillfeather, Odalys - ROI",
            "Authorization_Quillfeather.pdf",
            "Release of info",
        )
    },
    "systems by their OIDs": spelled("urn:oid:2.16.840.1.113883.5.", "8", "25", "90", "urn:oid:2.16.840.1.113883.4.6"),
    "systems as STU3 spells them": spelled(
        "http://hl7.org/fhir/v3/", "ActReason", "Confidentiality", "ParticipationType", NPI
    ),
    "a title without news": a_form(
        sourceAttachment={
            "contentType": "application/pdf",
            "data": "AAAA",
            "title": "AUTHORIZATION FOR RELEASE OF ALL MY RECORDS",
        }
    ),
    "an event": a_form(
        provision={"period": {"start": "2026-03-01"}},
        extension=[*COMPLETE["extension"], {"url": consents.EXPIRES_EVENT, "valueString": "End of my treatment"}],
    ),
    "a guardian": a_form(
        contained=[
            *COMPLETE["contained"],
            {
                "resourceType": "RelatedPerson",
                "id": "r",
                "patient": {"reference": "#patient"},
                "relationship": [concept("HPOWATT", "http://terminology.hl7.org/CodeSystem/v3-RoleCode")],
            },
        ],
        performer=[{"reference": "#r"}],
    ),
    "a guardian whom the form alone names": a_form(
        extension=[*COMPLETE["extension"], {"url": consents.AUTHORITY, "valueString": "legal guardian"}],
        performer=[{"type": "RelatedPerson", "display": "Ann Other"}],
    ),
    "somebody of whom only the year is known": a_form(contained=[{**COMPLETE["contained"][0], "birthDate": "2006"}]),
    "an exception for images": a_form(provision={"provision": [{"type": "deny", "class": [{"code": "ImagingStudy"}]}]}),
    "an exception for another": a_form(provision={"provision": [{"type": "deny", "actor": [actor("IRCP", "2")]}]}),
    "an exception for what is labelled": a_form(
        provision={"provision": [{"type": "deny", "securityLabel": [{"system": CONFIDENTIALITY, "code": "R"}]}]}
    ),
    "what is nobody's in an exception": a_form(
        provision={"provision": [{"type": "permit", "actor": [actor("IRCP", None, display="my doctors")]}]}
    ),
    "to the end of the day": a_form(provision={"period": {"end": "2026-06-15T23:59:59-05:00"}}),
    "from midnight on": a_form(
        provision={"period": {"start": "2026-06-15T00:00:00-05:00", "end": "2026-09-01T00:00:00-05:00"}}
    ),
    "the last day": a_form(provision={"period": {"end": "2026-06-15"}}),
}


@pytest.mark.parametrize("what", PERSON)
def test_what_no_rule_can_carry_is_a_persons(what):
    said = checked(PERSON[what])

    assert said.decision is Decision.PERSON
    assert said.findings
    assert all(finding.needs_person for finding in said.findings)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_or_defective_is_refused(what):
    assert checked(REFUSED[what]).decision is Decision.REFUSE


@pytest.mark.parametrize("what", PERMITTED)
def test_what_is_whole_and_clear_is_permitted(what):
    said = checked(PERMITTED[what])

    assert (said.decision, said.findings) == (Decision.PERMIT, ())


def test_data_of_a_period_is_told_by_the_day_of_the_record():
    form = a_form(provision={"dataPeriod": {"start": "2024-01-01", "end": "2024-12-31"}})

    assert checked(form, dated=date(2024, 12, 31)).decision is Decision.PERMIT
    assert checked(form, dated=date(2025, 1, 1)).decision is Decision.REFUSE
    assert checked(form).decision is Decision.PERSON


def test_a_nested_permit_widens_by_no_more_than_it_says():
    """It has the parties and purposes of the root, and labels of its own."""
    label = {"system": ACT_CODE, "code": "HIV"}
    form = a_form(provision={"provision": [{"type": "permit", "securityLabel": [label]}]})
    to_another = a_form(
        provision={"provision": [{"type": "permit", "securityLabel": [label], "actor": [actor("IRCP", "2")]}]}
    )

    assert checked(form, labels="HIV R").decision is Decision.PERMIT
    assert checked(form).decision is Decision.PERMIT
    assert checked(form, labels="HIV", purpose="HRESCH").decision is Decision.REFUSE
    assert checked(to_another, labels="HIV").decision is Decision.REFUSE


def test_a_form_that_permits_nobody_in_particular_is_not_made_whole_by_its_exceptions():
    form = a_form(provision={"actor": [CST], "provision": [{"type": "permit", "actor": [IRCP]}]})

    assert Finding.INCOMPLETE_RECIPIENT in checked(form).findings


def test_a_bundle_may_say_of_all_in_it_that_it_is_test_data():
    tags = {"meta": {"tag": [{"system": REASON, "code": "HTEST"}]}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": COMPLETE}]}

    assert checked(bundle).decision is Decision.PERMIT
    assert checked({**bundle, **tags}).findings == (Finding.FORM_IS_TEST_DATA,)


def test_a_form_for_a_person_says_why_and_nothing_of_the_patient():
    with pytest.raises(UnclearForm) as raised:
        inbound.authorization(
            json.dumps(a_form(provision={"code": [{"text": "Odalys's notes"}]})).encode(),
            PARTNERS["lakeside"],
            PARTNERS,
        )

    assert raised.value.findings == (Finding.WORDS_SAY_MORE,)
    assert str(raised.value) == "a release form for a person: words-say-more"


def test_a_form_for_a_person_names_the_codes_that_are_mapped_to_no_kind_of_record():
    """Whoever looks after the institution's file maps them, and the next such form is read."""
    known, unmapped = {"system": LOINC, "code": "11488-4"}, {"system": "urn:x", "code": "N1"}
    form = a_form(provision={"code": [{"coding": [known]}, {"coding": [unmapped]}]})

    with pytest.raises(UnclearForm) as raised:
        inbound.authorization(json.dumps(form).encode(), PARTNERS["lakeside"], PARTNERS)

    assert raised.value.codes == {"urn:x|N1"}


def test_what_is_read_stands_in_the_tree():
    form = inbound.authorization(
        json.dumps(
            a_form(
                provision={
                    "action": [concept("disclose"), concept("use")],
                    "dataPeriod": {"start": "2024"},
                    "provision": [{"type": "deny", "securityLabel": [{"system": CONFIDENTIALITY, "code": "R"}]}],
                }
            )
        ).encode(),
        PARTNERS["lakeside"],
        PARTNERS,
    )

    assert form.status is FormStatus.ACTIVE
    assert form.provision == Provision(
        type=PERMIT,
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 9, 1),
        disclosers=frozenset({"lakeside", "prairie"}),
        recipients=frozenset({"summit"}),
        actions=frozenset({Action.DISCLOSE, Action.USE}),
        purposes=frozenset({"TREAT"}),
        data_from=date(2024, 1, 1),
        provisions=(Provision(type=DENY, labels=frozenset({"R"})),),
    )


# --- published Consents -----------------------------------------------------------------------------------------------

#: what the tree of each published example says of a release to Summit: (purpose, labels) → what is possible
NO_MATCH, PERHAPS = {None}, {None, PERMIT}
PUBLISHED = {
    "consent-basic-treat-infant": {("TREAT", ""): {PERMIT}, ("HRESCH", ""): NO_MATCH, ("COC", ""): {PERMIT}},
    "consent-expired-treat": {("TREAT", ""): NO_MATCH},
    "consent-basic-reject": {("TREAT", ""): {DENY}, ("HPAYMT", ""): {DENY}, ("HRESCH", ""): NO_MATCH},
    "consent-advanced-normal": {("TREAT", ""): {PERMIT}, ("TREAT", "N"): {PERMIT}, ("TREAT", "R"): NO_MATCH},
    "consent-advanced-normal-not-restricted": {("TREAT", "N"): {PERMIT}, ("TREAT", "R"): {DENY}},
    "consent-advanced-normal-focused-psy": {("TREAT", "N"): {PERMIT}, ("TREAT", "PSY"): PERHAPS},
    "consent-advanced-normal-break-glass-restricted": {
        ("TREAT", "N"): {PERMIT},
        ("TREAT", "R"): NO_MATCH,
        ("BTG", "R"): PERHAPS,
    },
    "dissent-intermediate-break-glass": {("TREAT", ""): {DENY}, ("BTG", ""): {DENY, PERMIT}},
    # whom it permits, and for what, is nobody's and nothing that we know
    "consent-intermediate-purpose": "person",
    "consent-intermediate-data": "person",
    "consent-intermediate-not-authoredby": "person",
    "consent-intermediate-not-encounter": "person",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_trees_of_the_published_privacy_consents_say_what_their_profile_means(name):
    consent = json.loads((SAMPLES / "fhir" / "ihe-pcf-examples" / f"Consent-ex-{name}.json").read_text())
    doubts = Doubts()
    reader = consent_provisions.ProvisionReader(Resources.around(consent), PARTNERS["lakeside"], PARTNERS, doubts)
    root = reader.root({**consent, "organization": []}, None)

    if PUBLISHED[name] == "person":
        assert doubts.findings
        return
    assert not doubts.findings
    for (purpose, labels), said in PUBLISHED[name].items():
        release = Release(
            discloser="lakeside",
            recipient="summit",
            kinds=frozenset({RecordKind.NOTE}),
            purpose=purpose,
            labels=frozenset(labels.split()),
        )
        assert outcomes(root, release, NOW.date()) == said, (purpose, labels)


@pytest.mark.parametrize(
    "path", sorted((SAMPLES / "fhir").glob("*/Consent-*.json")), ids=lambda path: path.stem.removeprefix("Consent-")
)
def test_no_published_consent_permits_anything_by_itself(path):
    """Each is test data, or lacks what a release form needs."""
    assert checked(path.read_bytes()).decision is not Decision.PERMIT
