"""Handing a packet to its receiver, and what our own door answers."""

import base64
import hashlib
import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.scripted_fhir import ALL, LIMITS, TOKEN, WHO, Said, an_office, as_json, searchset
from transfer import errors
from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.receiver import ReceiverClient, Submitted
from transfer.adapters.fhir.submission import DownloadLink, submission
from transfer.adapters.fhir.trees import check, parse
from transfer.errors import TransferError, TurnedAway, Unexpected, Unheard, Unreachable
from transfer.identifiers import CaseId, PacketId
from transfer.records import Coding

pytestmark = pytest.mark.servers

PACKET = PacketId.of(CaseId("c0123456789a"), 1)
CREATED = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SHA1 = hashlib.sha1(b"%PDF", usedforsecurity=False).digest()


def a_submission(**said):
    tar = DownloadLink(
        path="packet.tar", url=f"https://gate.example/packets/{PACKET}/packet.tar", content_type="application/x-tar"
    )
    note = DownloadLink(
        path="data/001.pdf",
        url=f"https://gate.example/packets/{PACKET}/documents/1",
        content_type="application/pdf",
        size=4,
        sha1=SHA1,
        title="Consultation note",
        code=Coding("http://loinc.org", "11488-4", "Consult note"),
    )
    how = {"patient": WHO, "receiver": ALL["summit"], "source": "urn:oid:1.2.3", "created": CREATED} | said
    return submission(PACKET, tar, [note], **how)


@pytest.fixture
def center():
    with an_office() as running:
        yield running


@pytest.fixture
def receiver(center):
    with closing(ReceiverClient(center.base, TOKEN, LIMITS)) as client:
        yield client


def a_response(*statuses):
    entries = [{"response": {"status": status}} for status in statuses]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


# --- the bundle ------------------------------------------------------------------------------------------------


def test_a_submission_is_a_set_with_a_document_for_the_packet_and_one_for_each_document():
    bundle = parse(a_submission())

    check(bundle)
    types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert (bundle["type"], types) == ("transaction", ["List", "DocumentReference", "DocumentReference"])
    members = [member["item"]["reference"] for member in bundle["entry"][0]["resource"]["entry"]]
    assert members == [entry["fullUrl"] for entry in bundle["entry"][1:]]


def test_its_identifiers_are_fixed_so_that_sending_twice_makes_nothing_twice():
    bundle = parse(a_submission())

    assert [entry["request"]["ifNoneExist"] for entry in bundle["entry"]] == [
        f"identifier=urn:records-transfer:packet|{PACKET}",
        f"identifier=urn:records-transfer:document|{PACKET}/0",
        f"identifier=urn:records-transfer:document|{PACKET}/1",
    ]
    assert a_submission() == a_submission()


def test_links_carry_what_is_known_of_the_bytes_and_nothing_else():
    _, tar, note = (entry["resource"] for entry in parse(a_submission())["entry"])

    assert tar["content"][0]["attachment"] == {
        "contentType": "application/x-tar",
        "url": f"https://gate.example/packets/{PACKET}/packet.tar",
    }
    assert note["content"][0]["attachment"] == {
        "contentType": "application/pdf",
        "url": f"https://gate.example/packets/{PACKET}/documents/1",
        "size": 4,
        "hash": base64.b64encode(SHA1).decode(),
        "title": "Consultation note",
    }
    assert "docStatus" not in note


def test_the_set_says_who_sends_to_whom_and_about_whom():
    submission_set = parse(a_submission())["entry"][0]["resource"]
    patient, organization = submission_set["contained"]

    assert patient["name"] == [{"family": "Quillfeather", "given": ["Odalys"]}]
    assert organization["identifier"][0]["value"] == "3"
    said = {each["url"].rpartition("ihe-")[2]: each for each in submission_set["extension"]}
    assert said["sourceId"]["valueIdentifier"] == {"value": "urn:oid:1.2.3"}
    assert said["intendedRecipient"]["valueReference"] == {"reference": "#receiver"}
    assert set(said) == {"sourceId", "intendedRecipient", "designationType"}


def test_what_would_not_be_valid_is_not_sent():
    with pytest.raises(errors.Unreadable):
        a_submission(source=7)


# --- handing it over -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
def test_a_taken_submission_says_what_was_new(center, receiver, status):
    center.answers = lambda asked: as_json(a_response("201 Created", "200 OK", "201"), status=status)

    assert receiver.submit(a_submission()) == Submitted(created=2, known=1)
    (asked,) = center.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/fhir", a_submission())
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["Content-Type"] == "application/fhir+json"


@pytest.mark.parametrize("status", [401, 403])
def test_a_receiver_that_does_not_know_us_turned_us_away(center, receiver, status):
    center.answers = lambda asked: Said(status)

    with pytest.raises(TurnedAway):
        receiver.submit(a_submission())


def test_a_refusal_is_told_by_its_codes_and_never_by_its_words(center, receiver):
    issues = [
        {"severity": "error", "code": "business-rule", "diagnostics": "no bed for Quillfeather"},
        {"severity": "error", "code": "Quillfeather said no"},
    ]
    center.answers = lambda asked: as_json({"resourceType": "OperationOutcome", "issue": issues}, status=422)

    with pytest.raises(Unexpected) as caught:
        receiver.submit(a_submission())

    assert str(caught.value) == "HTTP 422 business-rule"


def test_where_no_connection_was_made_nothing_was_received():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with closing(ReceiverClient(f"http://127.0.0.1:{port}", TOKEN, LIMITS)) as client:
        with pytest.raises(Unheard) as caught:
            client.submit(a_submission())

    assert caught.value.maybe_received is False


def _silent(asked):
    time.sleep(1)


@pytest.mark.parametrize(
    ("answers", "maybe"),
    [
        (_silent, True),
        (lambda asked: Said(500), True),
        (lambda asked: Said(502), True),
        (lambda asked: Said(504), True),
        (lambda asked: Said(408), True),
        (lambda asked: Said(409), True),
        (lambda asked: Said(429), False),
        (lambda asked: Said(503, headers={"Retry-After": "7"}), False),
        (lambda asked: Said(200, body=b"thank you"), True),
        (lambda asked: Said(200, body=b"{", headers={"Content-Length": "99"}), True),
        (lambda asked: Said(200, stream=lambda write: None), True),
        (lambda asked: as_json(a_response("201 Created")), True),
        (lambda asked: as_json(a_response("201", "201", "400")), True),
        (lambda asked: as_json(searchset()), True),
    ],
)
def test_a_lost_answer_is_unknown_and_says_whether_it_may_have_arrived(center, receiver, answers, maybe):
    center.answers = answers

    with pytest.raises(Unheard) as caught:
        receiver.submit(a_submission())

    assert caught.value.maybe_received is maybe
    assert isinstance(caught.value, Unreachable)


def test_a_connection_broken_after_sending_may_have_been_received():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def take_and_leave():
            connection, _ = server.accept()
            connection.recv(1 << 16)
            connection.close()

        thread = threading.Thread(target=take_and_leave)
        thread.start()
        with closing(ReceiverClient(url, TOKEN, LIMITS)) as client, pytest.raises(Unheard) as caught:
            client.submit(a_submission())
        thread.join()

    assert caught.value.maybe_received is True


def test_a_redirect_is_not_followed_with_a_packet_in_hand(center, receiver):
    with an_office() as other:
        center.answers = lambda asked: Said(307, headers={"Location": other.base})

        with pytest.raises(Unexpected):
            receiver.submit(a_submission())

        assert other.asked == []


def test_the_receiver_is_asked_whether_it_has_the_packet(center, receiver):
    submission_set = parse(a_submission())["entry"][0]["resource"]
    center.answers = lambda asked: as_json(searchset(submission_set))

    assert receiver.has(PACKET) is True
    assert center.asked[0].path == "/fhir/List"
    assert center.asked[0].query == {"identifier": [f"urn:records-transfer:packet|{PACKET}"]}
    center.answers = lambda asked: as_json(searchset())
    assert receiver.has(PACKET) is False


def test_other_lists_than_asked_for_are_neither_yes_nor_no(center, receiver):
    submission_set = parse(a_submission())["entry"][0]["resource"]
    submission_set["identifier"][0]["value"] = "c0123456789a-p2"
    center.answers = lambda asked: as_json(searchset(submission_set))

    with pytest.raises(Unexpected):
        receiver.has(PACKET)


@pytest.mark.parametrize(("status", "failure"), [(403, TurnedAway), (404, Unexpected), (503, Unreachable)])
def test_a_receiver_that_cannot_say_has_not_said_no(center, receiver, status, failure):
    center.answers = lambda asked: Said(status)

    with pytest.raises(failure):
        receiver.has(PACKET)


# --- our door --------------------------------------------------------------------------------------------------


def every_error():
    inner = [errors.TransferError]
    for kind in inner:
        inner += kind.__subclasses__()
    return sorted(set(inner), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_an_answer_and_keeps_its_words_to_itself(kind):
    error = kind.__new__(kind)
    TransferError.__init__(error, "Quillfeather")
    if isinstance(error, errors.Unavailable):
        error.retry_after = 3.4
    if isinstance(error, errors.OutOfScope):
        error.scope = "records"

    answer = responses.refused(error)

    assert 400 <= answer.status < 600
    assert b"Quillfeather" not in answer.body
    check(parse(answer.body))
    assert answer.headers.get("Retry-After") == ("3" if isinstance(error, errors.Unavailable) else None)


def test_what_is_stored_is_answered_under_our_own_name():
    answer = responses.stored("Consent", "a123", "https://gate.example/fhir")

    assert (answer.status, answer.headers["Location"]) == (201, "https://gate.example/fhir/Consent/a123")
    check(parse(answer.body))


@given(st.lists(st.text(max_size=12) | st.sampled_from(["Task", "Patient", "Binary"]), max_size=4))
def test_a_transaction_is_answered_entry_by_entry_without_repeating_what_was_sent(types):
    entries = [{"resource": {"resourceType": kind}} for kind in ["Consent", *types] if kind != "Consent"]
    entries.insert(0, {"resource": {"resourceType": "Task", "focus": {"identifier": _ABOUT}, "status": "accepted"}})
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    try:
        incoming = inbound.sort(body)
    except TransferError:
        return

    answer = responses.stored_bundle(incoming.types, "a123")

    check(parse(answer.body))
    assert len(parse(answer.body)["entry"]) == len(entries)


_ABOUT = {"system": "urn:records-transfer:packet", "value": str(PACKET)}


@pytest.mark.parametrize(
    "answer",
    [responses.unauthorized(), responses.too_many(5), responses.wrong_media_type()],
)
def test_each_plain_refusal_is_an_outcome(answer):
    check(parse(answer.body))

    assert answer.headers["Content-Type"] == "application/fhir+json"
    assert 400 <= answer.status < 500
