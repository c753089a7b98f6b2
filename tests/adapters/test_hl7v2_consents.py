"""CON: what a patient allowed or refused, as a message says it beside a document."""

from datetime import date

import pytest

from transfer.adapters.hl7v2 import consents, may_object, objections, says_consent
from transfer.adapters.hl7v2.labels import common_labels
from transfer.adapters.hl7v2.message import Message
from transfer.institutions import Institution
from transfer.objections import _ENDING, _ENDS, ObjectionKind
from transfer.patients import IssuedIdentifier
from transfer.permissions import Finding, FormStatus, ProvisionType, SignerRole, UnclearForm
from transfer.security_labels import UNREAD

LABORATORY = Institution(id="lab", name="A laboratory", time_zone="America/Chicago", issuers={"consent": "urn:x-forms"})
MSH = "MSH|^~\\&|LIS|LAB|RECAPP|CENTER|20260105101500||MDM^T02^MDM_T02|1|{}|2.5.1\r"
PID = "PID|1||0042^^^LAB^MR||Quillfeather^Odalys||19610203|F\r"
#: CON by field; a complete consent to a release
FIELDS = {
    1: "1",
    2: "001^Release of information^HL70496",
    4: "form-7",
    5: "All records",
    10: "W",
    11: "A",
    13: "20260302",
    14: "20260301",
    15: "20260901",
    16: "Y",
    21: "F",
    24: "Quillfeather^Odalys",
    25: "1^Self^HL70548",
}


def con(**differing: str) -> str:
    fields = FIELDS | {int(name.removeprefix("f")): value for name, value in differing.items()}
    return "CON|" + "|".join(fields.get(number, "") for number in range(1, 26)) + "\r"


def read(*segments: str, processing: str = "P"):
    return consents((MSH.format(processing) + PID + "TXA|1|PR\r" + "".join(segments)).encode(), LABORATORY)


def test_a_consent_beside_a_document_is_a_form_of_its_sender():
    (form,) = read(con())

    assert form.status is FormStatus.ACTIVE
    assert form.reference == IssuedIdentifier("urn:x-forms", "form-7")
    assert (form.disclosers, form.recipients, form.denies) == ({"lab"}, set(), False)
    assert (form.effective_from, form.expires_on) == (date(2026, 3, 1), date(2026, 9, 1))
    assert (form.signed_by, form.signed_on, form.described) == (SignerRole.PATIENT, date(2026, 3, 2), True)
    assert form.patient.birth_date == date(1961, 2, 3)


@pytest.mark.parametrize(
    ("differing", "status", "denies"),
    [
        ({"f11": "R"}, FormStatus.ACTIVE, True),
        ({"f21": "N"}, FormStatus.ACTIVE, True),
        ({"f11": "X"}, FormStatus.REVOKED, False),
        ({"f11": "P"}, FormStatus.DRAFT, False),
    ],
)
def test_what_is_refused_taken_back_or_pending_is_read_as_that(differing, status, denies):
    (form,) = read(con(**differing))

    assert (form.status, form.denies) == (status, denies)


def test_a_refusal_reaches_all_of_its_sender():
    (form,) = read(con(f11="R", f14="", f15="", f10="T"))

    assert form.provision.type is ProvisionType.DENY
    assert (form.recipients, form.information, form.signed_by) == (set(), None, None)


def test_a_word_by_telephone_is_no_signature():
    (form,) = read(con(f10="T"))

    assert form.signed_by is None


@pytest.mark.parametrize(
    ("code", "role", "authority"),
    [
        ("2", SignerRole.REPRESENTATIVE, "PRN"),
        ("4", SignerRole.REPRESENTATIVE, "DPOWATT"),
        ("6", None, None),
        ("", None, None),
    ],
)
def test_who_signed_is_told_by_the_relationship(code, role, authority):
    (form,) = read(con(f25=code))

    assert (form.signed_by, form.representative_authority) == (role, authority)


@pytest.mark.parametrize(
    ("differing", "finding"),
    [
        ({"f5": "Only the report of January"}, Finding.WORDS_SAY_MORE),
        ({"f6": "not to my employer"}, Finding.WORDS_SAY_MORE),
        ({"f3": "R1^Revocation^L"}, Finding.WORDS_SAY_MORE),
        ({"f7": "Withdrawn by the patient"}, Finding.WORDS_SAY_MORE),
        ({"f9": "no images"}, Finding.WORDS_SAY_MORE),
        ({"f22": "1"}, Finding.WORDS_SAY_MORE),
        ({"f21": "P"}, Finding.WORDS_SAY_MORE),
        ({"f16": "N"}, Finding.SIGNATURE_DOUBTED),
        ({"f23": "1"}, Finding.SIGNATURE_DOUBTED),
        ({"f2": "ROI"}, Finding.CODE_UNKNOWN),
        ({"f15": "sometime"}, Finding.DATE_UNREADABLE),
        ({"f11": "L"}, Finding.FORM_UNREADABLE),
        ({"f11": "B"}, Finding.FORM_UNREADABLE),
        ({"f11": ""}, Finding.FORM_UNREADABLE),
        ({"f11": "A~R"}, Finding.FORM_UNREADABLE),
        ({"f11": "A^Refused^99LOC"}, Finding.FORM_UNREADABLE),
        ({"f11": "^Refused"}, Finding.FORM_UNREADABLE),
        ({"f21": "F~N"}, Finding.FORM_UNREADABLE),
        ({"f16": "Y~N"}, Finding.FORM_UNREADABLE),
        ({"f25": "1~2"}, Finding.FORM_UNREADABLE),
        ({"f2": "001^Anaesthesia^99LOC"}, Finding.CODE_UNKNOWN),
        ({"f2": "^Release of records"}, Finding.CODE_UNKNOWN),
        ({"f5": "All records\\.br\\except the last"}, Finding.WORDS_SAY_MORE),
        ({"f5": "All records~only MRI"}, Finding.WORDS_SAY_MORE),
    ],
)
def test_what_no_rule_can_keep_is_a_persons(differing, finding):
    with pytest.raises(UnclearForm) as raised:
        read(con(**differing))

    assert raised.value.findings == (finding,)


def test_test_data_is_a_persons():
    with pytest.raises(UnclearForm) as raised:
        read(con(), processing="T")

    assert raised.value.findings == (Finding.FORM_IS_TEST_DATA,)


def test_a_consent_to_something_else_is_none_to_a_release():
    assert read(con(f2="002^Medical procedure^HL70496")) == ()
    assert read() == ()
    assert len(read(con(), con(f4="form-8"))) == 2


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7])
def test_a_consent_is_seen_whatever_the_pieces_in_which_it_comes(length: int):
    said = (PID + con()).encode()

    assert says_consent(said[at : at + length] for at in range(0, len(said), length))
    assert not says_consent(PID.encode()[at : at + length] for at in range(0, len(PID), length))


# --- a "no" in whatever place it stands -------------------------------------------------------------------------------


def objected(*segments: str):
    return objections((MSH.format("P") + PID + "TXA|1|PR\r" + "".join(segments)).encode(), LABORATORY)


@pytest.mark.parametrize(
    ("differing", "kind"),
    [
        ({"f21": "N"}, ObjectionKind.REFUSED),
        ({"f21": "F~N"}, ObjectionKind.REFUSED),
        ({"f21": "n^None^HL70500"}, ObjectionKind.REFUSED),
        ({"f11": "r"}, ObjectionKind.REFUSED),
        ({"f11": "X^Rescinded^HL70498"}, ObjectionKind.REVOKED),
        ({"f11": "A~X"}, ObjectionKind.UNREADABLE),
        ({"f11": "A^Withdrawn^99LOC"}, ObjectionKind.UNREADABLE),
        ({"f11": "R", "f2": "002^Operation~001^Release"}, ObjectionKind.REFUSED),
        ({"f11": "R", "f2": "7^Release^99LOC^001^Release of information^HL70496"}, ObjectionKind.REFUSED),
        ({"f11": "R", "f2": "004^Release of records^99LOC"}, ObjectionKind.REFUSED),
        ({"f11": "R", "f2": '""'}, ObjectionKind.REFUSED),
        # said by an alternate alone, by two that disagree, in words
        ({"f11": "L^Ended^99LOC^X^Rescinded^HL70498"}, ObjectionKind.REVOKED),
        ({"f11": "A^Active^HL70498^R^Refused^HL70498"}, ObjectionKind.UNREADABLE),
        ({"f11": "^^^^^^^^patient says no"}, ObjectionKind.UNREADABLE),
        ({"f21": "^^^N^None^HL70500"}, ObjectionKind.REFUSED),
        ({"f21": "^^^N"}, ObjectionKind.REFUSED),
        ({"f21": "0^Nothing^99LOC"}, ObjectionKind.UNREADABLE),
        ({"f21": "^^^^^^^^nothing at all"}, ObjectionKind.UNREADABLE),
        # of an active one: by what it is called, by its words, by its end
        ({"f2": "^Opt_out of exchange"}, ObjectionKind.UNREADABLE),
        ({"f3": "R1^Revocation of authorization^L"}, ObjectionKind.UNREADABLE),
        ({"f5": "Patient withdraws authorization to release records"}, ObjectionKind.UNREADABLE),
        ({"f7": "Revoked by the patient"}, ObjectionKind.UNREADABLE),
        ({"f9": "She does not want us to share her records."}, ObjectionKind.UNREADABLE),
        ({"f15": "20200101"}, ObjectionKind.REPLACES),
    ],
)
def test_a_no_is_heard_at_the_door_in_whatever_field_it_stands(differing, kind):
    (said,) = objected(con(**differing))

    assert said.kind is kind
    assert said.patients


@pytest.mark.parametrize(
    "differing",
    [
        *({}, {"f11": "P"}, {"f11": "R", "f2": "002^Operation^HL70496"}, {"f21": '""'}, {"f21": "f"}),
        *({"f3": "R1^Right to revoke^L"}, {"f5": "I may revoke this authorization at any time."}, {"f15": "20990101"}),
        *({"f11": "A^Active^HL70498^1^Filed^99LOC"}, {"f21": "F^Full^HL70500^1^All^99LOC"}),
    ],
)
def test_what_is_no_no_is_none(differing):
    assert objected(con(**differing)) == ()


@pytest.mark.parametrize("written", ["con", "Con", "  CON", "\tcon"])
def test_a_no_is_heard_however_the_name_of_its_segment_is_written(written: str):
    message = (MSH.format("P") + PID.replace("PID", "pid") + con(f11="X").replace("CON", written)).encode()

    assert says_consent([message])
    assert says_consent(message[at : at + 1] for at in range(len(message)))
    assert [one.kind for one in objections(message, LABORATORY)] == [ObjectionKind.REVOKED]
    assert all(one.patients for one in objections(message, LABORATORY))
    assert common_labels(Message(message), (), {}) == {UNREAD}


CALLED = {
    "the title": "TXA|1|PR|TX|||||||||D1^LIS|||||LA||AV||||||Revocation of authorization",
    "the type in words": "TXA|1|99^Patient refuses release^L",
    "the order": "OBR|1||S1|R9^Withdrawal of consent form^L",
    "the result": "OBX|1|TX|R9^Opt-out of information exchange^L||Signed.||||||F",
    "the result in words alone": "OBX|1|TX|R9^^^^^^^^Revoked HIPAA authorization||Signed.||||||F",
}


@pytest.mark.parametrize("what", CALLED)
def test_a_document_that_is_called_a_no_is_one_that_a_person_reads(what: str):
    message = (MSH.format("P") + PID + CALLED[what] + "\r").encode()

    (said,) = objections(message, LABORATORY)

    assert (said.kind, said.references) == (ObjectionKind.UNREADABLE, ())
    assert said.patients
    assert may_object([message])
    assert may_object(message[at : at + 2] for at in range(0, len(message), 2))


WORDS = {
    "a note": "NTE|1||Patient revoked HIPAA authorization on 1/5",
    "a line of a report": "OBX|1|TX|R9^Note^L||She does not consent to the release of her records.||||||F",
    "the value of a consent": "OBX|1|CWE|59284-0^Consent Document^LN||R^Refused^HL70498||||||F",
    "a consent that is declined": "OBX|1|ST|C1^HIE consent^L||Declined||||||F",
}


@pytest.mark.parametrize("what", WORDS)
def test_words_that_take_a_release_back_are_heard_wherever_they_stand_in_a_message(what: str):
    message = (MSH.format("P") + PID + WORDS[what] + "\r").encode()

    (said,) = objections(message, LABORATORY)

    assert (said.kind, len(said.patients)) == (ObjectionKind.UNREADABLE, 1)
    assert may_object([message])
    assert may_object(message[at : at + 2] for at in range(0, len(message), 2))


@pytest.mark.parametrize(
    ("event", "restriction", "objects"),
    [
        ("ADT^A31", "ARV|1|A|OO^Opt out all registries^HL70717|PAT^Patient request^HL70719", True),
        ("ADT^A31", "ARV|1|A|ALL^All^HL70717", True),
        ("ADT^A08", "ARV|1|A|9^Opted out of sharing^L", True),
        ("ADT^A31", "ARV|1|D|ALL^All^HL70717", False),
        ("ADT^A31", "ARV|1|A|DEM^Demographics^HL70717", False),
        ("ORU^R01", "ARV|1|A|ALL^All^HL70717", False),
    ],
)
def test_who_restricts_access_to_all_of_a_person_is_heard(event: str, restriction: str, objects: bool):
    message = (MSH.format("P") + PID + restriction + "\r").replace("MDM^T02", event).encode()

    assert bool(objections(message, LABORATORY)) is objects
    assert may_object([message])


@pytest.mark.parametrize(
    "segment",
    [
        "NTE|1||You may revoke this authorization at any time.",
        "NTE|1||42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        "NTE|1||State law prohibits you from making any further disclosure of this information without consent.",
        "NTE|1||Do not release these results before the doctor has seen them. Do not share this record.",
        "NTE|1||Insurance refused authorization for PET. Records reviewed.",
        "OBX|1|TX|R9^Note^L||Patient declined trigger finger release. Information was shared.||||||F",
        "OBX|1|ST|C1^Consent for surgery^L||Signed||||||F",
        "TXA|1|PR|TX|||||||||D1^LIS|||||LA||AV||||||Patient refuses chemotherapy",
        "OBX|1|TX|R9^Dx^L||The patient refused. Release of the tendon.||||||F",
        "OBR|1||S1|R9^Release of information^L",
    ],
)
def test_a_document_that_says_no_to_something_else_is_none(segment: str):
    assert objections((MSH.format("P") + PID + segment + "\r").encode(), LABORATORY) == ()


def test_a_no_before_its_patient_is_of_the_first_one():
    message = MSH.format("P") + con(f11="X") + PID

    (said,) = objections(message.encode(), LABORATORY)

    assert said.patients


@pytest.mark.parametrize("level", ["^^^P^Partial^HL70500", "^^^^^^^^pathology alone", "X"])
def test_a_level_of_disclosure_that_is_not_read_is_a_persons(level: str):
    with pytest.raises(UnclearForm) as raised:
        read(con(f21=level))

    assert raised.value.findings == (Finding.WORDS_SAY_MORE,)


def test_each_consent_is_of_the_patient_before_it():
    other = PID.replace("0042", "0043").replace("Odalys", "Olga")
    message = MSH.format("P") + PID + con() + other + con(f11="R", f4="form-8")

    first, second = consents(message.encode(), LABORATORY)

    assert [one.patient.names[0].given for one in (first, second)] == [("Odalys",), ("Olga",)]
    assert (first.denies, second.denies) == (False, True)


def test_fields_that_are_deleted_narrow_nothing():
    (form,) = read(con(f6='""', f9='""', f22='""'))

    assert form.status is FormStatus.ACTIVE


def test_whose_relationship_is_of_another_table_signed_nothing():
    (form,) = read(con(f25="1^Mother^99LOC"))

    assert form.signed_by is None


@pytest.mark.parametrize("differing", [{"f11": "A~R"}, {"f21": "P"}, {"f21": "F~N"}])
def test_a_consent_that_is_not_to_all_is_a_label_that_nobody_can_read(differing):
    message = Message((MSH.format("P") + PID + con(**differing)).encode())

    assert common_labels(message, (), {}) == {UNREAD}
    assert common_labels(Message((MSH.format("P") + PID + con()).encode()), (), {}) == set()


def test_what_the_doors_look_for_in_bytes_is_what_titles_are_read_by():
    assert _ENDING.pattern.lower().decode() == _ENDS.pattern.replace(r"\b", "")


@pytest.mark.parametrize("words", [b"REVOCATION OF AUTHORIZATION", b"Rescinded"])
@pytest.mark.parametrize("at", [0, 40, 65_530, 65_536, 131_070])
def test_a_no_after_a_long_document_is_seen_wherever_the_bytes_are_cut(words, at):
    body = b"MSH|^~\\&|A|B\rOBX|1|ED|1^X||^application^pdf^Base64^" + b"QUJD" * 40_000 + b"||||||F\rOBX|2|TX|2^" + words

    assert may_object([body[:at], *(body[each : each + 65_536] for each in range(at, len(body), 65_536))])
    assert not may_object([body[: -len(words)]])
