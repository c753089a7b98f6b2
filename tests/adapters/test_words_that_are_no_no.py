"""Everyday words that are near a "no" and are none, each beside one that is."""

import pytest

from tests.kit.scripted_fhir import LAKESIDE
from transfer.adapters import enclosed, hl7v2
from transfer.adapters.fhir.consent_codes import narrative_narrows, narrows
from transfer.objections import (
    Objection,
    ObjectionKind,
    is_no,
    is_refused,
    refuses_in_words,
    says_ending,
    says_refusing,
)

PID = "PID|1||{0}^^^LIS^MR||Doe^Jane||19700101|F"
MSH = "MSH|^~\\&|A|B|C|D|20261101120000||ADT^A08|1|P|2.5"


def objections(*segments: str) -> list[Objection]:
    return list(enclosed.against("\r".join([MSH, *segments, ""]).encode(), LAKESIDE))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Cancellation of HIPAA Authorization", True),
        ("Objection to HIPAA authorization", True),
        ("Termination of authorization to use medical records", True),
        ("HIPAA authorization cancelled: release of records", True),
        ("Request to restrict protected health information", True),
        ("Restriction on disclosure", True),
        ("Consent revoked", True),
        ("Patient consent form: withdrawn", True),
        ("ROI revocation", True),
        ("Revocation", True),
        ("Notice of Revocation", True),
        ("Revocation Form", True),
        ("Patient revocation letter", True),
        ("Consent Revocation", True),
        ("ROI Cancellation", True),
        ("Cancellation of Release of Information", True),
        ("Declination of ROI", True),
        ("HIE Opt-Out", True),
        ("Decline to Share Health Information", True),
        ("ROI - VOID", True),
        ("VOID - Authorization for Release of Records", True),
        ("Consent to Release - DECLINED", True),
        ("Revocation of DNR", False),
        ("Advance directive revocation", False),
        ("Consent for surgery - declined", False),
        ("Declination of influenza vaccine", False),
        ("Carpal tunnel release", False),
        ("Carpal tunnel release refused", False),
        ("Injection, buprenorphine extended-release, opioid withdrawal", False),
        ("Consent to extended release of records withdrawn", True),
        ("Procedure cancellation", False),
        ("Voiding cystourethrogram", False),
        ("ROI request", False),
        ("HIE consent form", False),
        ("Consent withdrawn for surgery", False),
        ("Consent refused for surgery", False),
        ("ROI form", False),
        ("Authorization to disclose protected health information including restricted categories", False),
        ("Authorization for disclosure of PHI, no restrictions", False),
        (
            "Visit cancelled by the clinic, a new date is to be found soon; a consent to surgery is in the records",
            False,
        ),
    ],
)
def test_a_title_names_what_ends_near_what_it_ends(title: str, expected: bool):
    assert is_no(title) is expected
    if expected:
        assert says_ending(capitals := title.upper().encode()) or says_refusing(capitals)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("I want to cancel my authorization to release records", True),
        ("My records must not be released", True),
        ("My medical records should not be shared with Summit", True),
        ("My information may not be disclosed to anybody", True),
        ("my records of this stay are not to be sent", True),
        ("My chart can't be shared", True),
        ("My results must not be given to my employer", True),
        ("My data should not be forwarded", True),
        ("I understand that my records may not be released to others", False),
        ("My records cannot be disclosed without my written consent unless otherwise provided", False),
        ("My results can't be sent by e-mail", False),
        ("My records are not sent", False),
        ("Your records must not be released", False),
        ("I am cancelling my consent to share records", True),
        ("I void my consent to share records", True),
        ("She objects to sharing her records", True),
        ("Please stop sharing my records", True),
        ("My authorization to release records was terminated", True),
        ("HIPAA authorization revoked", True),
        ("ROI revoked 6/1", True),
        ("ROI: withdrawn", True),
        ("Pt rescinded ROI", True),
        ("Patient declined to sign the ROI", True),
        ("Release of information cancelled per patient", True),
        ("Permission to release is revoked effective today", True),
        ("Authorization for release of medical records revoked", True),
        ("She does not want her records to go to Summit", True),
        ("ROI revoked, plan to notify the hospital", True),
        ("HIPAA authorization cancelled - plan: letter", True),
        ("My consent to share records is terminated, as I changed insurance", True),
        ("My prior authorization has been revoked", True),
        ("The prior authorization to release records has been revoked", True),
        ("No record of consent, patient refuses to release records", True),
        ("She denies consent and revokes her authorization", True),
        ("Please discontinue release of my medical records", True),
        ("Pt requests that no records be released", True),
        ("Patient requests that no further records be sent to Summit", True),
        ("Do not release records to Summit per patient request", True),
        ("ROI declined", True),
        ("ROI: declined", True),
        ("ROI - refused", True),
        ("Release of information: REFUSED", True),
        ("Release of Information declined by patient", True),
        ("Stop all record transfers to Summit", True),
        ("Pt opted out of information sharing", True),
        ("Patient declines record sharing", True),
        ("I no longer give permission to share my records", True),
        ("I do not give my consent for my records to be released", True),
        ("Please void the release form I signed", True),
        ("I want to take back the release I signed", True),
        ("Cancel my release of records", True),
        ("Authorization revoked by patient", True),
        ("Authorization to release information declined by insurer", False),
        ("Discontinue metformin; release of information signed", False),
        ("Patient requests no information about prognosis", False),
        ("Wants no further treatment; records sent to hospice", False),
        ("Does not give permission for blood transfusion; records shared", False),
        ("Patient asked that no information be left on voicemail", False),
        ("Void the release valve", False),
        ("Please discontinue tamoxifen and release the report to the patient", False),
        ("Do not release records to the ward before they are signed", False),
        ("ROI declined by her health plan", False),
        ("ROI cancelled by her health plan", False),
        ("Authorization has been revoked by the insurer", False),
        ("Prior authorization for PET/CT has been withdrawn", False),
        ("Patient denies that she revoked her authorization", False),
        ("Patient denies refusing release of records", False),
        ("No history of revoked authorization", False),
        ("No evidence that the authorization was revoked", False),
        ("Family does not want the records go missing", False),
        ("Patient revoked her authorization in writing on 3/4", True),
        ("After discussion, patient refuses to release records", True),
        ("She declined to release her records when asked", True),
        ("Patient refused to release records until she has spoken with a lawyer", True),
        ("Pt revoked her authorization and must be called", True),
        ("The patient revoked ROI, states she may change her mind", True),
        ("A patient may have revoked the authorization", False),
        ("It ends when the patient has revoked the authorization in writing", False),
        ("After the patient revoked the authorization nothing is released", False),
        ("When I revoke my authorization, nothing more is sent", False),
        ("ROI signed, appointment cancelled", False),
        ("Appointment cancelled, ROI on file", False),
        ("ROI cancelled by payer", False),
        ("The ROI may be revoked at any time", False),
        ("Release of information is not revoked", False),
        ("Prior authorization cancelled by insurer", False),
        ("HIPAA acknowledgment declined", False),
        ("The patient does not want to go home", False),
        ("To cancel this authorization to release information, send a letter to the Privacy Officer", False),
        ("To revoke this authorization, send us a letter", False),
        ("Cancelling this authorization to release does not change what was sent", False),
        ("I have not cancelled any earlier consent to share", False),
        ("My consent to share this information has not been terminated", False),
        ("She does not object to sharing her results", False),
        ("Patient did not object to release of records", False),
        ("Patient voided prior to procedure, consent signed and information shared with family", False),
        ("Lab will stop sending paper results to wards", False),
        ("The authorization for release of results was terminated by the insurer", False),
    ],
)
def test_a_sentence_is_no_no_where_it_instructs_or_denies(sentence: str, expected: bool):
    assert refuses_in_words(sentence) is expected
    assert refuses_in_words(f"{sentence}.") is expected
    if expected:
        assert says_ending(capitals := sentence.upper().encode()) or says_refusing(capitals)


@pytest.mark.parametrize(
    ("called", "values", "expected"),
    [
        ("64292-6", ["Rejected"], True),
        ("Consent to release information", ["does not"], True),
        ("Consent form", ["Refused"], True),
        ("64292-6", ["Y^Yes - do not leave voicemail", "Y", "Yes - do not leave voicemail"], False),
        ("64292-6", ["Y^Yes, earlier one expired"], False),
        ("64292-6", ["Not expired"], False),
        ("Anesthesia consent form", ["Expired"], False),
        ("Surgical consent form", ["Cancelled"], False),
    ],
)
def test_the_value_of_a_consent_refuses_where_it_is_one_to_a_release_and_nobody_says_yes(
    called: str, values: list[str], expected: bool
):
    assert is_refused([called], values) is expected


@pytest.mark.parametrize(
    "said",
    [
        b"OBX|1|CE|59284-0^X||NO |",
        b"OBX|1|CE|59284-0^X||N^ NO|",
        b"OBX|1|ST|CONSENT TO RELEASE||DOES NOT|",
        "OBX|1|TX|X||NO AUTORIZO EL ENVíO|".encode("latin-1"),
    ],
)
def test_the_look_at_bytes_knows_a_no_that_is_padded_or_in_another_encoding(said: bytes):
    assert says_refusing(said)
    assert hl7v2.may_object([said])


@pytest.mark.parametrize(
    ("narrative", "expected"),
    [
        ("<div>All my records, including but not limited to imaging and pathology</div>", False),
        ("<div>All records, including, but not limited to, HIV and mental health</div>", False),
        ("<div>All records, without limitation</div>", False),
        ("<div>There is no charge for imaging copies</div>", False),
        ('<div lang="">All records</div>', False),
        ("<div>All records but HIV</div>", True),
        ("<div>Limited to imaging</div>", True),
        ('<div lang="de">All records</div>', True),
    ],
)
def test_a_narrative_of_everyday_words_leaves_nothing_out(narrative: str, expected: bool):
    assert narrative_narrows(narrative) is expected


def test_a_word_of_a_partners_own_name_says_nothing():
    assert not narrows({"display": "Example Pathology Limited"}, "Example Pathology Limited")
    assert narrows({"display": "Example Pathology only"}, "Example Pathology Limited")


@pytest.mark.parametrize(("state", "expected"), [("X", ObjectionKind.REVOKED), ("R", ObjectionKind.REFUSED)])
def test_a_revocation_that_is_a_request_to_restrict_as_well_is_heard(state: str, expected: ObjectionKind):
    con = ["CON", "1", "001^^HL70496~110^^HL70496", *[""] * 8, state]

    assert [one.kind for one in objections(PID.format(42), "|".join(con))] == [expected]


def test_a_no_in_a_segment_of_the_senders_own_is_of_the_patient_before_it():
    [one] = objections(PID.format(42), PID.format(43), "ZCO|1|Revocation of authorization to release information")

    assert [number.value for who in one.patients for number in who.identifiers] == ["43"]


@pytest.mark.parametrize(
    "segment",
    [
        "ZPD|1|Patient Refused^Race|N|Release of Information^Y",
        "ZPD|1|RACE|Refused|ETHNICITY|Unknown|INFORMATION SOURCE|Self",
        "ZFL|FLU VACCINE REFUSED|MEDICAL RECORDS|2026",
        "ZPV|Withdrawal of alcohol|RECORD LOCKED",
    ],
)
def test_fields_of_a_senders_own_segment_are_read_each_by_itself(segment: str):
    assert objections(PID.format(42), segment) == []


@pytest.mark.parametrize("text", ["Second opinion at Example Center", "All records of the last five years"])
def test_words_of_a_consent_that_leave_nothing_out_object_to_nothing(text: str):
    con = ["CON", "1", "001^^HL70496", "", "F-1", "", text, *[""] * 4, "A"]

    assert objections(PID.format(42), "|".join(con)) == []
