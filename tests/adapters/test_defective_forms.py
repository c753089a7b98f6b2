"""Forms as they come in, each with something wrong: each makes its findings and no other, on paper and by FHIR."""

import re
from dataclasses import dataclass, field
from datetime import date

import pytest

from tests.kit import paper_forms
from tests.kit.consents import ACT_CODE, CST, IRCP, LOINC, REASON, a_form, actor, checked, concept
from transfer.adapters.fhir.codes import KIND
from transfer.adapters.fhir.consent_signatures import AUTHORITY
from transfer.adapters.fhir.consents import EVENT_OCCURRED, EXPIRES_EVENT, STATEMENT
from transfer.permissions import Finding
from transfer.permissions.checking import Decision
from transfer.records import RecordKind
from transfer.sentences import SENTENCES


@dataclass(frozen=True, kw_only=True)
class Defective:
    """A form of the table. `fhir`: the same as a Consent, where Consent can say it."""

    findings: set[Finding]
    paper: dict = field(default_factory=dict)
    fhir: dict | None = None
    asked: dict = field(default_factory=dict)


def statements(*codes, **more):
    said = [{"url": STATEMENT, "valueCode": code} for code in codes]
    return [*said, *({"url": url, **value} for url, value in more.items())]


ALL = ("revoke", "condition", "redisclose")


def with_extension(url, **value):
    return {"extension": [*statements(*ALL), {"url": url, **value}]}


def by_representative(*authorities):
    related = {"resourceType": "RelatedPerson", "id": "rep", "patient": {"reference": "#patient"}}
    return {
        "contained": [*a_form()["contained"], related],
        "performer": [{"reference": "#rep", "type": "RelatedPerson"}],
        "extension": [*statements(*ALL), *({"url": AUTHORITY, "valueString": one} for one in authorities)],
    }


def born(day):
    patient = a_form()["contained"][0]
    return {"contained": [{**patient, "birthDate": day}]}


def for_purposes(*codes):
    return {"provision": {"purpose": [{"system": REASON, "code": code} for code in codes]}}


def excepting(**said):
    return {"provision": {"provision": [{"type": "deny", **said}]}}


REPRESENTATIVE = {"signature__by": "representative"}
NOBODY = {"released_by": "missing", "released_to": "missing"}

FORMS = {
    # --- an element is not filled in, 164.508(c)(1) and (b)(2)(ii)
    "describes nothing": Defective(
        findings={Finding.INCOMPLETE_DESCRIPTION},
        paper={"information": "missing"},
        fhir={"sourceAttachment": {"contentType": "application/pdf", "data": "AAAA"}},
    ),
    "names nobody who may release": Defective(
        findings={Finding.INCOMPLETE_DISCLOSER}, paper={"released_by": "missing"}, fhir={"provision": {"actor": [IRCP]}}
    ),
    "names nobody who may receive": Defective(
        findings={Finding.INCOMPLETE_RECIPIENT}, paper={"released_to": "missing"}, fhir={"provision": {"actor": [CST]}}
    ),
    "has no purpose": Defective(
        findings={Finding.INCOMPLETE_PURPOSE}, paper={"purposes": "missing"}, fhir={"provision": {"purpose": None}}
    ),
    "has an empty line for the end": Defective(
        findings={Finding.INCOMPLETE_EXPIRATION},
        paper={"expires": "missing"},
        fhir={"provision": {"period": {"start": "2026-03-01"}}},
    ),
    "ends at the event none": Defective(
        findings={Finding.INCOMPLETE_EXPIRATION},
        paper={"expires": {"dated": "missing", "event": "None"}},
        fhir={
            "provision": {"period": {"start": "2026-03-01"}},
            **with_extension(EXPIRES_EVENT, valueString="None"),
        },
    ),
    "ends in the year 9999": Defective(
        findings={Finding.INCOMPLETE_EXPIRATION},
        paper={"expires__dated": date(9999, 12, 31)},
        fhir={"provision": {"period": {"start": "2026-03-01", "end": "9999-12-31"}}},
    ),
    # --- the signature, (c)(1)(vi)
    "is not signed": Defective(
        findings={Finding.SIGNATURE_MISSING}, paper={"signature": "missing"}, fhir={"verification": None}
    ),
    "has no date beside the signature": Defective(
        findings={Finding.SIGNATURE_UNDATED}, paper={"signature__dated": "missing"}, fhir={"dateTime": None}
    ),
    "is dated next January": Defective(
        findings={Finding.SIGNATURE_POSTDATED, Finding.SIGNATURE_VERIFIED_EARLY},
        paper={"signature__dated": date(2027, 1, 10), "expires__dated": date(2028, 1, 1)},
        fhir={
            "dateTime": "2027-01-10",
            "provision": {"period": {"start": "2026-03-01", "end": "2028-01-01"}},
        },
    ),
    "was signed before the patient was born": Defective(
        findings={Finding.SIGNATURE_IMPLAUSIBLE},
        paper={"signature__dated": date(1959, 3, 2)},
        fhir={"dateTime": "1959-03-02"},
    ),
    "was looked at before it was signed": Defective(
        findings={Finding.SIGNATURE_VERIFIED_EARLY},
        paper={"signature__looked_at_on": date(2026, 3, 1)},
        fhir={"verification": [{"verified": True, "verificationDate": "2026-03-01"}]},
    ),
    "was looked at on a day to come": Defective(
        findings={Finding.SIGNATURE_DOUBTED},
        paper={"signature__looked_at_on": date(2026, 12, 1)},
        fhir={"verification": [{"verified": True, "verificationDate": "2026-12-01"}]},
    ),
    "bears a stamp": Defective(findings={Finding.SIGNATURE_DOUBTED}, paper={"signature__kind": "stamp"}),
    "bears a typed name": Defective(findings={Finding.SIGNATURE_DOUBTED}, paper={"signature__kind": "typed"}),
    "was signed by somebody for the patient": Defective(
        findings={Finding.REPRESENTATIVE_AUTHORITY_MISSING}, paper=REPRESENTATIVE, fhir=by_representative()
    ),
    "was signed by a neighbour": Defective(
        findings={Finding.REPRESENTATIVE_NOT_AUTHORIZED},
        paper={**REPRESENTATIVE, "signature__authority": "neighbor"},
        fhir=by_representative("neighbor"),
    ),
    "was signed by the husband": Defective(
        findings={Finding.REPRESENTATIVE_NOT_AUTHORIZED},
        paper={**REPRESENTATIVE, "signature__authority": "Husband"},
        fhir=by_representative("Husband"),
    ),
    "was signed by the mother of a grown-up": Defective(
        findings={Finding.REPRESENTATIVE_NOT_AUTHORIZED},
        paper={**REPRESENTATIVE, "signature__authority": "mother"},
        fhir=by_representative("mother"),
    ),
    "was signed by some right": Defective(
        findings={Finding.REPRESENTATIVE_UNCLEAR},
        paper={**REPRESENTATIVE, "signature__authority": "has always seen to her affairs"},
        fhir=by_representative("has always seen to her affairs"),
    ),
    "was signed by a child": Defective(
        findings={Finding.SIGNER_MINOR}, paper={"patient__birth_date": date(2012, 5, 5)}, fhir=born("2012-05-05")
    ),
    # --- the statements, (c)(2)
    "does not say how to revoke it": Defective(
        findings={Finding.STATEMENT_MISSING_REVOKE},
        paper={"statements__revoke": "missing"},
        fhir={"extension": statements("condition", "redisclose")},
    ),
    "does not say whether care depends on it": Defective(
        findings={Finding.STATEMENT_MISSING_CONDITION},
        paper={"statements__condition": "missing"},
        fhir={"extension": statements("revoke", "redisclose")},
    ),
    "does not say that it may be told on": Defective(
        findings={Finding.STATEMENT_MISSING_REDISCLOSE},
        paper={"statements__redisclose": "missing"},
        fhir={"extension": statements("revoke", "condition")},
    ),
    "is a page without the back": Defective(
        findings={
            Finding.STATEMENT_MISSING_REVOKE,
            Finding.STATEMENT_MISSING_CONDITION,
            Finding.STATEMENT_MISSING_REDISCLOSE,
        },
        paper={"statements": {"revoke": "missing", "condition": "missing", "redisclose": "missing"}},
        fhir={"extension": []},
    ),
    # --- 164.508(b)(2)
    "has expired": Defective(
        findings={Finding.EXPIRED_DATE},
        paper={"expires__dated": date(2026, 6, 14)},
        fhir={"provision": {"period": {"start": "2026-03-01", "end": "2026-06-14"}}},
    ),
    "has expired by its event": Defective(
        findings={Finding.EXPIRED_EVENT},
        paper={"expires": {"dated": "missing", "event": "discharge from care"}, "disputes": ["event-occurred"]},
        fhir={
            "provision": {"period": {"start": "2026-03-01"}},
            "extension": [
                *statements(*ALL),
                {"url": EXPIRES_EVENT, "valueString": "discharge from care"},
                {"url": EVENT_OCCURRED, "valueBoolean": True},
            ],
        },
    ),
    "begins in autumn": Defective(
        findings={Finding.NOT_YET_IN_FORCE},
        paper={"starts_on": date(2026, 8, 20)},
        fhir={"provision": {"period": {"start": "2026-08-20", "end": "2026-09-01"}}},
    ),
    "is combined with a consent to treatment": Defective(findings={Finding.COMPOUND}, paper={"disputes": ["compound"]}),
    "also serves research": Defective(
        findings={Finding.PERHAPS_COMPOUND},
        paper={"purposes": ["TREAT", "CLINTRCH"]},
        fhir=for_purposes("TREAT", "CLINTRCH"),
    ),
    "also serves marketing": Defective(
        findings={Finding.PERHAPS_COMPOUND},
        paper={"purposes": ["TREAT", "HMARKT"]},
        fhir=for_purposes("TREAT", "HMARKT"),
    ),
    "care was made to depend on it": Defective(findings={Finding.CONDITIONED}, paper={"disputes": ["conditioned"]}),
    "says something false": Defective(findings={Finding.FALSE_MATERIAL}, paper={"disputes": ["false"]}),
    "is the namesake's": Defective(findings={Finding.PATIENT_MISMATCH}, paper={"disputes": ["wrong-patient"]}),
    # --- consistent with the form, 164.508(a)(1)
    "names another institution's records": Defective(
        findings={Finding.NOT_THIS_DISCLOSER},
        paper={"released_by": ["prairie"]},
        fhir={"provision": {"actor": [actor("CST", "2"), IRCP]}},
    ),
    "names another center": Defective(
        findings={Finding.NOT_THIS_RECIPIENT},
        paper={"released_to": ["prairie"]},
        fhir={"provision": {"actor": [CST, actor("IRCP", "2")]}},
    ),
    "is for the images alone": Defective(
        findings={Finding.NOT_THIS_INFORMATION},
        paper={"information__records": ["images"]},
        fhir={"provision": {"class": [{"code": "ImagingStudy"}]}},
    ),
    "is for the insurance": Defective(
        findings={Finding.PURPOSE_MISMATCH}, paper={"purposes": ["HPAYMT"]}, fhir=for_purposes("HPAYMT")
    ),
    "lacks the line on HIV": Defective(
        findings={Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED}, fhir={}, asked={"labels": "HIV R"}
    ),
    "names mental health and not substance use": Defective(
        findings={Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED, Finding.NOT_THIS_INFORMATION},
        paper={"information__special": ["MH"]},
        asked={"labels": "SUD R"},
    ),
    "releases psychotherapy notes with all else": Defective(
        findings={Finding.COMPOUND}, paper={"information__special": ["PSYTHPN"]}, asked={"labels": "PSYTHPN"}
    ),
    "is for psychotherapy notes alone": Defective(
        findings={Finding.NOT_THIS_INFORMATION},
        paper={"information__special": ["PSYTHPN"], "information__ordinary": False},
        fhir={"provision": {"securityLabel": [{"system": ACT_CODE, "code": "PSYTHPN"}]}},
    ),
    "is for the year before": Defective(
        findings={Finding.NOT_THIS_INFORMATION},
        paper={"information__dated_from": date(2025, 1, 1), "information__dated_until": date(2025, 12, 31)},
        fhir={"provision": {"dataPeriod": {"start": "2025-01-01", "end": "2025-12-31"}}},
        asked={"dated": date(2026, 1, 2)},
    ),
    "is for a year, and the record has no day": Defective(
        findings={Finding.PERHAPS_NOT_COVERED},
        paper={"information__dated_from": date(2025, 1, 1), "information__dated_until": date(2025, 12, 31)},
        fhir={"provision": {"dataPeriod": {"start": "2025-01-01", "end": "2025-12-31"}}},
    ),
    # --- a "no"
    "forbids all": Defective(
        findings={Finding.DENIED},
        paper={"form": "refusal"},
        fhir={"policyRule": concept("OPTOUT"), "provision": {"type": "deny"}},
    ),
    "forbids all and is otherwise illegible": Defective(
        findings={Finding.DENIED},
        paper={"form": "refusal", "other_terms": "present", "signature__dated": "illegible", "purposes": ["other"]},
    ),
    "excepts the notes": Defective(
        findings={Finding.DENIED},
        paper={"refuses": [{"records": ["note"], "special": "none", **NOBODY}]},
        fhir=excepting(**{"class": [{"code": "note", "system": KIND}]}),
    ),
    "excepts this center": Defective(
        findings={Finding.DENIED},
        paper={"refuses": [{"records": "all", "special": "none", **NOBODY, "released_to": ["summit"]}]},
        fhir=excepting(actor=[IRCP]),
    ),
    "excepts what says HIV": Defective(
        findings={Finding.DENIED},
        paper={"refuses": [{"records": "all", "special": ["HIV"], **NOBODY}]},
        fhir=excepting(securityLabel=[{"system": ACT_CODE, "code": "HIV"}]),
        asked={"labels": "HIV"},
    ),
    "excepts somebody who may be this center's": Defective(
        findings={Finding.PERHAPS_DENIED},
        paper={"refuses": [{"records": "all", "special": "none", **NOBODY, "released_to": ["other"]}]},
        fhir=excepting(actor=[actor("IRCP", None, display="my former doctor")]),
    ),
    # --- what no rule can carry
    "has a line written in by hand": Defective(
        findings={Finding.WORDS_SAY_MORE},
        paper={"other_terms": "present"},
        fhir={
            "sourceAttachment": {
                "contentType": "application/pdf",
                "data": "AAAA",
                "title": "All records but of last spring",
            }
        },
    ),
    "is also for somebody unknown": Defective(
        findings={Finding.PARTY_UNKNOWN},
        paper={"released_to": ["summit", "other"]},
        fhir={"provision": {"actor": [CST, IRCP, actor("IRCP", "404")]}},
    ),
    "has a purpose of its own": Defective(
        findings={Finding.CODE_UNKNOWN},
        paper={"purposes": ["TREAT", "other"]},
        fhir={"provision": {"purpose": [{"system": "urn:x", "code": "MINE"}]}},
    ),
    "asks for a kind that nobody knows": Defective(
        findings={Finding.CODE_UNKNOWN},
        paper={"information__records": ["note", "other"]},
        fhir={"provision": {"code": [concept("11488-4", LOINC), concept("99999-9", LOINC)]}},
    ),
    "names a category that nobody knows": Defective(
        findings={Finding.CODE_UNKNOWN},
        paper={"information__special": ["other"]},
        fhir={"provision": {"securityLabel": [{"system": "urn:x", "code": "MINE"}]}},
    ),
    "names one report": Defective(
        findings={Finding.SINGLE_RECORDS_NAMED},
        paper={"information__records": "single-records"},
        fhir={"provision": {"data": [{"meaning": "instance", "reference": {"reference": "DocumentReference/1"}}]}},
    ),
    "bears a date that nobody can read": Defective(
        findings={Finding.DATE_UNREADABLE}, paper={"expires__dated": "illegible"}
    ),
    "has three faults": Defective(
        findings={Finding.INCOMPLETE_PURPOSE, Finding.SIGNATURE_UNDATED, Finding.STATEMENT_MISSING_REVOKE},
        paper={"purposes": "missing", "signature__dated": "missing", "statements__revoke": "missing"},
        fhir={
            "provision": {"purpose": None},
            "dateTime": None,
            "extension": statements("condition", "redisclose"),
        },
    ),
}
SHOWN = sorted(set().union(*(one.findings for one in FORMS.values())))
#: a word of two parts with a hyphen is one of ours, one in capitals somebody else's
CODES = re.compile(rf"\b({'|'.join(one for one in [*Finding, *RecordKind] if '-' in one)}|[A-Z]{{3,}})\b")


def test_there_are_forty_and_more_and_every_defect_of_the_rule_is_among_them():
    rule = {one for one in Finding if one.startswith(("incomplete-", "statement-missing-", "signature-", "expired-"))}

    assert len(FORMS) >= 40
    assert sum(one.fhir is not None for one in FORMS.values()) >= 40
    assert rule | {Finding.COMPOUND, Finding.CONDITIONED, Finding.FALSE_MATERIAL, Finding.PATIENT_MISMATCH} <= set(
        SHOWN
    )


def test_with_nothing_wrong_the_same_form_permits():
    assert checked(paper_forms.fields()).decision is Decision.PERMIT
    assert checked(a_form()).decision is Decision.PERMIT


@pytest.mark.parametrize("name", FORMS)
def test_on_paper_each_makes_exactly_its_findings(name: str):
    form = FORMS[name]

    said = checked(paper_forms.fields(**form.paper), **form.asked)

    assert set(said.findings) == form.findings
    assert said.decision is (Decision.PERSON if all(one.needs_person for one in form.findings) else Decision.REFUSE)


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.fhir is not None])
def test_by_fhir_the_same_form_makes_the_same_findings(name: str):
    form = FORMS[name]

    said = checked(a_form(**form.fhir), **form.asked)

    assert set(said.findings) == form.findings


@pytest.mark.parametrize("finding", SHOWN)
def test_each_is_told_to_staff_and_patient_without_a_code(finding: Finding):
    said = SENTENCES[finding]

    for sentence in (said.staff, said.patient):
        assert not CODES.search(sentence)
    assert not re.search(r"\d", said.patient)
