"""Fields of paper forms as a clerk types them: what says nothing, contradicts itself, or is no authority."""

from datetime import date

import pytest

from tests.kit.consents import COMPLETE, a_form, checked
from tests.kit.paper_forms import fields
from transfer.adapters.fhir.consent_signatures import AUTHORITY
from transfer.permissions import Finding
from transfer.permissions.checking import Decision

BY_ANOTHER = {"signature__by": "representative"}
REVERSED = {"starts_on": date(2026, 12, 1), "expires__dated": date(2026, 1, 1)}
OF_NO_DAY = {"information__dated_from": date(2026, 1, 1), "information__dated_until": date(2020, 1, 1)}


def at_event(said):
    return {"expires": {"dated": "missing", "event": said}}


CASES = {
    "an element is Missing": ({"released_by": "Missing"}, {Finding.INCOMPLETE_DISCLOSER}),
    "an element is MISSING": ({"purposes": " MISSING "}, {Finding.INCOMPLETE_PURPOSE}),
    "the event is Missing": (at_event("Missing"), {Finding.INCOMPLETE_EXPIRATION}),
    "the event is none in Spanish": (at_event("Ninguno"), {Finding.INCOMPLETE_EXPIRATION}),
    "it ends when it is revoked": (at_event("until revoked by me in writing"), {Finding.INCOMPLETE_EXPIRATION}),
    "nobody can read the event": (at_event("can't read"), {Finding.DATE_UNREADABLE}),
    "the event is illegible": (at_event("illegible"), {Finding.DATE_UNREADABLE}),
    "the event is a span": (at_event("6 weeks post-op"), {Finding.DATE_UNREADABLE}),
    "the event is an earlier day": (
        {"expires": {"dated": date(2026, 9, 1), "event": "2026-06-01"}},
        {Finding.DATE_UNREADABLE},
    ),
    "an executor signed": ({**BY_ANOTHER, "signature__authority": "executor"}, {Finding.REPRESENTATIVE_UNCLEAR}),
    "a guardian for a lawsuit signed": (
        {**BY_ANOTHER, "signature__authority": "guardian ad litem"},
        {Finding.REPRESENTATIVE_UNCLEAR},
    ),
    "a special power of attorney signed": (
        {**BY_ANOTHER, "signature__authority": "special power of attorney"},
        {Finding.REPRESENTATIVE_UNCLEAR},
    ),
    "the patient signed by an authority": ({"signature__authority": "guardian"}, {Finding.REPRESENTATIVE_UNCLEAR}),
    "the patient signed by a son": ({"signature__authority": "signed by her son"}, {Finding.REPRESENTATIVE_UNCLEAR}),
    "a father without custody signed": (
        {**BY_ANOTHER, "signature__authority": "father, no custody", "patient__birth_date": date(2015, 1, 1)},
        {Finding.REPRESENTATIVE_UNCLEAR},
    ),
    "it names no patient": (
        {"patient": {"family": "missing", "given": "missing", "birth_date": "missing"}},
        {Finding.FORM_UNREADABLE},
    ),
    "psychotherapy notes go with all else": ({"information__special": ["PSYTHPN"]}, {Finding.COMPOUND}),
    "a refusal ends before it begins": ({"form": "refusal", **REVERSED}, {Finding.DENIED}),
    "a refusal is of records of no day": ({"form": "refusal", **OF_NO_DAY}, {Finding.DENIED}),
}


@pytest.mark.parametrize("what", CASES)
def test_each_makes_its_findings_and_no_other(what):
    differing, findings = CASES[what]

    assert set(checked(fields(**differing)).findings) == findings


NO_END = (
    "does not expire until revoked; never expires unless I say so; indefinite until revoked by patient; per "
    "hospital policy; as allowed by law; standard; as long as needed; duration of my life; life of the account; until "
    "I change my mind; hasta que la revoque; hasta nuevo aviso; hasta su revocaci\u00f3n; sin vencimiento; No expira; "
    "permanente; bis auf Widerruf; jusqu'\u00e0 r\u00e9vocation"
)
NO_DAY = (
    "fifteen days from signing; twenty days; a fortnight; a decade; next year; this month; end of the calendar year; "
    "Q3; Christmas; December; spring; today; upon signing; after one use; one disclosure; once sent; a single release; "
    "un a\u00f1o; treinta d\u00edas; seis meses"
)
ENDS = "end of treatment; discharge; end of this episode of care; al terminar mi tratamiento; el d\u00eda de mi alta"


@pytest.mark.parametrize("event", NO_END.split("; "))
def test_what_names_no_end_in_further_words_is_none(event):
    assert checked(fields(**at_event(event))).findings == (Finding.INCOMPLETE_EXPIRATION,)


@pytest.mark.parametrize("event", NO_DAY.split("; "))
def test_an_end_that_nobody_counts_is_a_persons(event):
    assert checked(fields(**at_event(event))).findings == (Finding.DATE_UNREADABLE,)


@pytest.mark.parametrize("event", ENDS.split("; "))
def test_an_event_in_either_language_is_an_end(event):
    assert checked(fields(**at_event(event))).decision is Decision.PERMIT


def test_a_guardian_and_a_mother_of_a_child_may_sign():
    of_child = {**BY_ANOTHER, "signature__authority": "mother", "patient__birth_date": date(2015, 1, 1)}

    assert checked(fields(**BY_ANOTHER, signature__authority="legal guardian")).decision is Decision.PERMIT
    assert checked(fields(**of_child)).decision is Decision.PERMIT


def test_a_patient_who_signs_by_an_authority_is_a_persons_by_fhir_too():
    stated = {"url": AUTHORITY, "valueString": "legal guardian"}

    assert checked(a_form(extension=[*COMPLETE["extension"], stated])).findings == (Finding.REPRESENTATIVE_UNCLEAR,)
