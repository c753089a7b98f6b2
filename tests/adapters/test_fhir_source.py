"""Asking an office's FHIR server: what it says, and what we make of it."""

import base64
import hashlib
import json
import logging
import socket
import threading
import time
from contextlib import closing

import pytest

from tests.kit.loggers import handed_back
from tests.kit.scripted_fhir import (
    LAKESIDE,
    LIMITS,
    MRN,
    TOKEN,
    WHO,
    Said,
    a_patient,
    a_reference,
    a_report,
    an_institution,
    an_office,
    as_json,
    searchset,
)
from transfer import logs
from transfer.adapters.fhir.limits import DocumentLimits
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpLimits
from transfer.bytes_seen import BytesSeen
from transfer.errors import (
    ChangedMeanwhile,
    CutShort,
    NeedsReview,
    NotAllowed,
    TooLarge,
    TurnedAway,
    Unexpected,
    Unreachable,
    Unreadable,
)
from transfer.flaws import Flaw
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.sources import Bad, Found, PatientFound

pytestmark = pytest.mark.servers

EVERYTHING = frozenset(RecordKind)


@pytest.fixture
def them(office):
    return PatientFound(id="p1", url=f"{office.base}/Patient/p1", demographics=WHO)


def that_holds(*references, reports=(), files=None, pages=None):
    """Answers of a server with these resources; `files` by path, `pages` by query value of `page`."""

    def answers(asked):
        if "page" in asked.query:
            return as_json(pages[asked.query["page"][0]])
        if asked.path.endswith("/DocumentReference/_search"):
            return as_json(searchset(*references, following=(pages or {}).get("first")))
        if asked.path.endswith("/DiagnosticReport/_search"):
            return as_json(searchset(*reports))
        return (files or {}).get(asked.path)

    return answers


def judged(found, number=0):
    """What the bytes of a file are, by themselves and by what the office says of them."""
    seen = BytesSeen(found.files[number].announced)
    for _ in seen.passing(found.files[number].read()):
        pass
    return seen.judged()


def all_of(source, them, kinds=EVERYTHING, **how):
    return list(source.documents(them, LAKESIDE, kinds, **how))


# --- the patient -----------------------------------------------------------------------------------------------


def test_a_patient_is_found_by_number_and_issuer_without_a_name_being_sent(office, source):
    office.answers = lambda asked: as_json(searchset(a_patient()))

    found = source.find_patient(WHO, LAKESIDE)

    assert found.demographics == WHO
    assert (found.id, found.url) == ("p1", f"{office.base}/Patient/p1")
    assert [asked.form for asked in office.asked] == [{"identifier": [f"{MRN}|0042"]}]
    assert office.asked[0].query == {}
    assert office.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_number_that_is_not_known_there_is_followed_by_name_and_birth_date(office, source):
    office.answers = lambda asked: as_json(searchset(*([a_patient()] if "family" in asked.form else [])))

    found = source.find_patient(WHO, LAKESIDE)

    assert found.id == "p1"
    assert office.asked[-1].form == {"family": ["Quillfeather"], "given": ["Odalys"], "birthdate": ["1961-02-03"]}


def test_an_issuer_is_also_asked_about_in_the_words_of_the_office(office, source):
    lakeside = an_institution(issuers={"urn:their:mrn": MRN})
    theirs = a_patient(identifier=[{"system": "urn:their:mrn", "value": "0042"}])
    office.answers = lambda asked: as_json(
        searchset(*([theirs] if asked.form["identifier"] == ["urn:their:mrn|0042"] else []))
    )

    found = source.find_patient(Demographics(identifiers=WHO.identifiers), lakeside)

    assert found.demographics.identifiers == WHO.identifiers


def test_nobody_found_is_none_and_not_an_error(office, source):
    office.answers = lambda asked: as_json(searchset())

    assert source.find_patient(WHO, LAKESIDE) is None


def test_several_of_the_same_name_and_birth_date_are_for_a_person_to_decide(office, source):
    office.answers = lambda asked: as_json(
        searchset(*([a_patient("p1"), a_patient("p2")] if "family" in asked.form else []))
    )

    with pytest.raises(NeedsReview):
        source.find_patient(WHO, LAKESIDE)


def test_a_server_that_ignores_what_it_is_asked_does_not_choose_a_patient_for_us(office, source):
    others = [a_patient(f"p{n}", identifier=[{"system": MRN, "value": f"9{n}"}]) for n in range(3)]
    office.answers = lambda asked: as_json(searchset(*others))

    with pytest.raises(NeedsReview):
        source.find_patient(WHO, LAKESIDE)


def test_a_longer_name_that_begins_alike_does_not_count_as_a_second_one(office, source):
    longer = a_patient("p2", name=[{"family": "Quillfeatherstone", "given": ["Odalys"]}])
    office.answers = lambda asked: as_json(searchset(*([longer, a_patient()] if "family" in asked.form else [])))

    assert source.find_patient(WHO, LAKESIDE).id == "p1"


def test_a_record_merged_into_another_is_not_a_second_patient(office, source):
    merged = a_patient("p0", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}])
    office.answers = lambda asked: as_json(searchset(merged, a_patient()))

    assert source.find_patient(WHO, LAKESIDE).id == "p1"


@pytest.mark.parametrize(
    ("said", "has_died"),
    [
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2026-09"}, True),
        ({"deceasedBoolean": False}, False),
        ({}, False),
    ],
)
def test_a_patient_says_whether_they_have_died_also_by_the_entry_that_was_merged(office, source, said, has_died):
    office.answers = lambda asked: as_json(searchset(a_patient(**said)))
    assert source.find_patient(WHO, LAKESIDE).has_died is has_died

    merged = a_patient("p0", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}], **said)
    office.answers = lambda asked: as_json(searchset(merged, a_patient()))
    assert source.find_patient(WHO, LAKESIDE).has_died is has_died


def test_a_former_name_is_asked_about_too(office, source):
    who = Demographics(names=(PersonName("Newname", ("Odalys",)), *WHO.names), birth_date=WHO.birth_date)
    office.answers = lambda asked: as_json(
        searchset(*([a_patient()] if asked.form["family"] == ["Quillfeather"] else []))
    )

    assert source.find_patient(who, LAKESIDE).id == "p1"


def test_without_number_or_birth_date_there_is_nothing_to_ask_by(source, office):
    with pytest.raises(NeedsReview):
        source.find_patient(Demographics(names=WHO.names), LAKESIDE)

    assert office.asked == []


def test_signs_with_a_meaning_in_searches_are_escaped(office, source):
    office.answers = lambda asked: as_json(searchset())
    who = Demographics(identifiers=(IssuedIdentifier(MRN, "a|b,c$d\\e"),))

    source.find_patient(who, LAKESIDE)

    assert office.asked[0].form == {"identifier": [f"{MRN}|a\\|b\\,c\\$d\\\\e"]}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_posted_searches_is_asked_by_get(office, source, status):
    office.answers = lambda asked: Said(status) if asked.method == "POST" else as_json(searchset(a_patient()))

    source.find_patient(WHO, LAKESIDE)
    source.find_patient(WHO, LAKESIDE)

    assert [asked.method for asked in office.asked] == ["POST", "GET", "GET"]


# --- failures, told apart --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, TurnedAway),
        (403, TurnedAway),
        (404, Unexpected),
        (400, Unexpected),
        (410, Unexpected),
        (202, Unexpected),
        (302, Unexpected),
        (408, Unreachable),
        (429, Unreachable),
        (500, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
def test_each_refusal_is_told_apart(office, source, them, status, failure):
    office.answers = lambda asked: Said(status, headers={"Location": f"{office.base}/elsewhere"})

    with pytest.raises(failure):
        all_of(source, them)


def test_a_closed_door_is_not_an_empty_room(office, source):
    office.answers = lambda asked: Said(403)

    with pytest.raises(TurnedAway):
        source.find_patient(WHO, LAKESIDE)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "999999999999"}, 86_400.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_kept(office, source, them, headers, seconds):
    office.answers = lambda asked: Said(429, headers=headers)

    with pytest.raises(Unreachable) as caught:
        all_of(source, them)

    if "Date" not in headers:  # the test server sends a Date of its own first
        assert caught.value.retry_after == seconds


def test_nobody_listening_is_unreachable(them):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with closing(FhirSourceClient(f"http://127.0.0.1:{port}/fhir", TOKEN, http=LIMITS)) as client:
        with pytest.raises(Unreachable):
            all_of(client, them)


def test_silence_is_unreachable_and_not_an_answer(office, source, them):
    office.answers = lambda asked: time.sleep(1)

    with pytest.raises(Unreachable):
        all_of(source, them)


def test_an_answer_whose_head_never_ends_is_given_up(them):
    """Each line would start the read timeout anew."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        threading.Thread(target=_drip, args=(server, stop), daemon=True).start()
        base = f"http://127.0.0.1:{server.getsockname()[1]}/fhir"
        began = time.monotonic()
        with closing(FhirSourceClient(base, TOKEN, http=LIMITS)) as client, pytest.raises(Unreachable):
            all_of(client, them)
        stop.set()

    assert time.monotonic() - began < 5


def _drip(server, stop):
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.1):
            try:
                connection.sendall(b"X-More: 1\r\n")
            except OSError:
                return


def test_a_page_that_comes_too_slowly_is_given_up(office, source, them):
    def slowly(write):
        for _ in range(60):
            write(b" ")
            time.sleep(0.1)

    office.answers = lambda asked: Said(stream=slowly)
    began = time.monotonic()

    with pytest.raises(CutShort):
        all_of(source, them)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize("announced", [True, False])
def test_a_giant_page_is_not_taken(office, them, announced):
    size = 2 << 20
    headers = {"Content-Length": str(size)} if announced else {}
    office.answers = lambda asked: Said(stream=lambda write: write(b" " * size), headers=headers)
    limits = HttpLimits(page_bytes=1 << 20)

    with closing(FhirSourceClient(office.base, TOKEN, http=limits)) as client, pytest.raises(TooLarge):
        all_of(client, them)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b'{"resourceType":"Bundle","resourceType":"Bundle","type":"searchset"}',
        b'{"resourceType":"Bundle","type":"searchset","total":NaN}',
        b'{"resourceType":"Bundle","type":"searchset","entry":{}}',
        b'{"resourceType":"Bundle","type":"searchset","id":"\\u0000"}',
        b'{"resourceType":"Bundle","type":"searchset","id":"\\ud800"}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"resourceType":"OperationOutcome","issue":[]}',
        b'{"resourceType":"Bundle","type":"history"}',
    ],
)
def test_what_is_no_searchset_is_for_a_person(office, source, them, body):
    office.answers = lambda asked: Said(body=body)

    with pytest.raises(NeedsReview):
        all_of(source, them)


def test_a_compressed_answer_is_not_unpacked(office, source, them):
    office.answers = lambda asked: as_json(searchset(), headers={"Content-Encoding": "gzip"})

    with pytest.raises(Unexpected):
        all_of(source, them)


# --- pages -----------------------------------------------------------------------------------------------------


def test_all_pages_are_read(office, source, them):
    one, two, three = (a_reference(str(n), data="AAAA") for n in range(3))
    pages = {
        "first": f"{office.base}?page=2",
        "2": searchset(two, following="?page=3"),
        "3": searchset(three),
    }
    office.answers = that_holds(one, pages=pages)

    found = all_of(source, them)

    assert [each.document.identifiers[0].value for each in found] == ["doc-0", "doc-1", "doc-2"]


@pytest.mark.parametrize(
    "links",
    [
        [{"relation": "next"}],
        [{"relation": "next", "url": 5}],
        [{"relation": "next", "url": ""}],
        [{"relation": "next", "url": "page2"}, {"relation": "next", "url": "page3"}],
        {"relation": "next", "url": "page2"},
    ],
    ids=["none", "number", "empty", "two", "no list"],
)
def test_a_page_that_follows_and_cannot_be_found_is_told(office, source, them, links):
    office.answers = lambda asked: as_json(searchset(a_reference("1", data="QQ=="), link=links))

    with pytest.raises(NeedsReview, match=r"a page follows|links are no list"):
        all_of(source, them)


def test_pages_that_lead_in_a_circle_end(office, source, them):
    pages = {
        "first": f"{office.base}?page=2",
        "2": searchset(following=f"{office.base}?page=3"),
        "3": searchset(following=f"{office.base}?page=2"),
    }
    office.answers = that_holds(pages=pages)

    with pytest.raises(Unexpected):
        all_of(source, them)


def test_pages_without_end_end(office, them):
    office.answers = lambda asked: as_json(
        searchset(following=f"{office.base}?page={int(asked.query.get('page', ['0'])[0]) + 1}")
    )

    with closing(FhirSourceClient(office.base, TOKEN, DocumentLimits(pages=5))) as client, pytest.raises(TooLarge):
        all_of(client, them)

    assert len(office.asked) == 5


def test_documents_that_are_too_large_for_one_page_come_one_a_page(office, them):
    size = 600_000
    papers = [a_reference(str(number), data=base64.b64encode(bytes(size)).decode()) for number in range(3)]

    def answers(asked):
        if "DocumentReference" not in asked.path:
            return as_json(searchset()) if asked.path != office.base else None
        at = int(asked.query.get("page", ["0"])[0])
        if asked.form.get("_count", asked.query.get("_count")) != ["1"]:
            return as_json(searchset(*papers))
        following = f"{office.base}/DocumentReference?_count=1&page={at + 1}" if at + 1 < len(papers) else None
        return as_json(searchset(papers[at], following=following))

    office.answers = answers
    with closing(
        FhirSourceClient(office.base, TOKEN, DocumentLimits(pages=2), HttpLimits(page_bytes=1 << 20))
    ) as client:
        found = [one for one in all_of(client, them) if isinstance(one, Found)]

    assert [len(b"".join(one.files[0].read())) for one in found] == [size] * 3


def test_what_was_read_before_a_bad_page_is_still_given(office, source, them):
    files = {"/fhir/Binary/1": Said(body=b"%PDF", content_type="application/pdf")}
    pages = {"first": f"{office.base}?page=2", "2": {"resourceType": "Patient"}}
    office.answers = that_holds(a_reference("1", url="Binary/1"), pages=pages, files=files)

    documents = source.documents(them, LAKESIDE, EVERYTHING)

    assert b"".join(next(documents).files[0].read()) == b"%PDF"
    with pytest.raises(Unexpected):
        next(documents)


def test_an_expired_page_starts_the_search_again_once_and_nothing_comes_twice(office, source, them):
    expired = iter([True, False])

    def answers(asked):
        if "page" in asked.query:
            return Said(410) if next(expired) else as_json(searchset(a_reference("2", data="AAAA")))
        return that_holds(a_reference("1", data="AAAA"), pages={"first": f"{office.base}?page=2"})(asked)

    office.answers = answers

    assert [each.sources for each in all_of(source, them)] == [
        (f"{office.base}/DocumentReference/1",),
        (f"{office.base}/DocumentReference/2",),
    ]


def test_a_page_that_is_always_expired_is_given_up(office, source, them):
    def answers(asked):
        return Said(410) if "page" in asked.query else as_json(searchset(following=f"{office.base}?page=2"))

    office.answers = answers

    with pytest.raises(Unexpected):
        all_of(source, them)

    assert len(office.asked) == 4


@pytest.mark.parametrize(
    "following",
    [
        "{other}/fhir?page=2",
        "{other}/fhir/DocumentReference?page=2",
        "//{netloc}/fhir?page=2",
        "{url}/admin?page=2",
        "{url}/fhir/../admin?page=2",
        "{url}/fhir/%2e%2e/admin?page=2",
        "{url}/fhir/%252e%252e/admin?page=2",
        "{url}/fhirs?page=2",
        "http://user@{own}/fhir?page=2",
        "http://{own}\\@{netloc}/fhir?page=2",
        "file:///etc/passwd",
        "ftp://{own}/fhir",
        "http://[::1/fhir",
        "http://{own}:99999999/fhir",
        "{url}/fhir?page=2 HTTP/1.1\r\nX: y",
    ],
)
def test_a_next_page_elsewhere_is_never_fetched_and_the_token_never_sent(office, source, them, following):
    with an_office(lambda asked: as_json(searchset())) as other:
        said = following.format(
            url=office.url, own=office.url[7:], other=other.url, netloc=other.url.removeprefix("http://")
        )
        office.answers = lambda asked: None if asked.method == "GET" else as_json(searchset(following=said))

        with pytest.raises(NeedsReview):
            all_of(source, them)

        assert other.asked == []
    assert [asked.method for asked in office.asked] == ["POST"]


def test_a_redirect_is_not_followed_and_the_token_not_carried(office, source, them):
    with an_office() as other:
        office.answers = lambda asked: Said(307, headers={"Location": f"{other.base}/DocumentReference/_search"})

        with pytest.raises(Unexpected):
            all_of(source, them)

        assert other.asked == []


# --- entries ---------------------------------------------------------------------------------------------------


def test_one_bad_entry_is_held_and_the_rest_goes_on(office, source, them):
    bad = a_reference("2", data="AAAA") | {"inventedHere": "Quillfeather"}
    office.answers = that_holds(
        a_reference("1", data="AAAA"), bad, {"resourceType": "Zork"}, a_reference("3", data="A===")
    )

    first, second, third, fourth = all_of(source, them)

    assert isinstance(first, Found)
    assert (second.source, second.reason) == (
        f"{office.base}/DocumentReference/2",
        "DocumentReference: has an element that R4 does not know",
    )
    assert isinstance(third, Bad)
    with pytest.raises(Unreadable):
        list(fourth.files[0].read())


def test_a_modifier_extension_is_not_read_past(office, source, them):
    said = a_reference("1", data="AAAA", modifierExtension=[{"url": "urn:x:not", "valueBoolean": True}])
    office.answers = that_holds(said)

    assert [type(each) for each in all_of(source, them)] == [Bad]


def test_remarks_and_included_resources_are_no_documents(office, source, them):
    page = searchset(a_reference("1", data="AAAA"))
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    page["entry"].append({"resource": outcome, "search": {"mode": "outcome"}})
    page["entry"].append({"resource": a_patient(), "search": {"mode": "include"}})
    office.answers = lambda asked: as_json(page if "DocumentReference" in asked.path else searchset())

    assert len(all_of(source, them)) == 1


def test_an_error_among_the_entries_is_held_because_the_answer_may_be_partial(office, source, them):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    office.answers = lambda asked: as_json(searchset(outcome) if "DocumentReference" in asked.path else searchset())

    assert [type(each) for each in all_of(source, them)] == [Bad]


def test_documents_of_other_patients_are_not_given_and_make_one_decision(office, source, them):
    others = [a_reference(str(n), data="AAAA", subject={"reference": f"Patient/x{n}"}) for n in range(50)]
    nobodys = a_reference("60", data="AAAA")
    del nobodys["subject"]
    office.answers = that_holds(*others, nobodys, a_reference("61", data="AAAA"))

    found = all_of(source, them)

    assert [type(each) for each in found] == [Found, Bad]
    assert found[1].reason.startswith("51 ")


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1/_history/3"},
        {"reference": "{base}/Patient/p1"},
        {"identifier": {"system": MRN, "value": "0042"}},
    ],
)
def test_a_subject_may_be_said_in_several_ways(office, source, them, subject):
    subject = json.loads(json.dumps(subject).replace("{base}", office.base))
    office.answers = that_holds(a_reference("1", data="AAAA", subject=subject))

    assert [type(each) for each in all_of(source, them)] == [Found]


def test_only_the_kinds_asked_for_and_the_unknown_ones_are_given(office, source, them):
    def coded(number, system, code):
        return a_reference(number, data="AAAA", type={"coding": [{"system": system, "code": code}]})

    office.answers = that_holds(
        coded("1", "http://loinc.org", "11488-4"),
        coded("2", "http://loinc.org", "11504-8"),
        coded("3", "urn:local", "TXSUM"),
        coded("4", "urn:local", "WHATEVER"),
    )

    found = all_of(source, them, {RecordKind.NOTE, RecordKind.TREATMENT_SUMMARY})

    assert [each.document.kind for each in found] == [RecordKind.NOTE, RecordKind.TREATMENT_SUMMARY, RecordKind.OTHER]
    assert found[2].document.code.code == "WHATEVER"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, DocumentStatus.FINAL),
        ({"docStatus": "preliminary"}, DocumentStatus.PRELIMINARY),
        ({"docStatus": "amended"}, DocumentStatus.AMENDED),
        ({"docStatus": "bogus"}, DocumentStatus.UNKNOWN),
        ({"docStatus": "deprecated"}, DocumentStatus.OBSOLETE),
        ({"status": "superseded", "docStatus": "final"}, DocumentStatus.SUPERSEDED),
        ({"status": "entered-in-error", "docStatus": "final"}, DocumentStatus.ENTERED_IN_ERROR),
        ({"docStatus": "entered-in-error"}, DocumentStatus.ENTERED_IN_ERROR),
    ],
)
def test_what_the_office_says_of_a_documents_state(office, source, them, said, status):
    office.answers = that_holds(a_reference("1", data="AAAA", **said))

    assert all_of(source, them)[0].document.status is status


def test_a_replacing_document_names_what_it_replaces(office, source, them):
    related = [
        {"code": "signs", "target": {"reference": "DocumentReference/7"}},
        {"code": "appends", "target": {"reference": "DocumentReference/8"}},
        {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
    ]
    office.answers = that_holds(a_reference("1", data="AAAA"), a_reference("2", data="AAAA", relatesTo=related))

    first, second = (each.document for each in all_of(source, them))

    assert second.relation is Relation.REPLACES
    assert second.parent in first.identifiers


def test_a_document_that_replaces_several_names_them_all(office, source, them):
    related = [{"code": "replaces", "target": {"reference": f"DocumentReference/{number}"}} for number in (1, 2)]
    listed = [a_reference(str(number), data="AAAA") for number in (1, 2)]
    office.answers = that_holds(*listed, a_reference("3", data="AAAA", relatesTo=related))

    one, other, both = (each.document for each in all_of(source, them))

    assert both.relation is Relation.REPLACES
    assert {both.parent, *both.further_parents} <= {*one.identifiers, *other.identifiers, *one.aliases, *other.aliases}
    assert both.parent in one.identifiers
    assert {*both.further_parents} & {*other.identifiers}


def test_a_time_without_offset_is_the_offices_own(office, source, them):
    office.answers = that_holds(a_reference("1", data="AAAA", date="2026-03-01T10:00:00"))

    assert all_of(source, them)[0].document.at.isoformat() == "2026-03-01T16:00:00+00:00"


def test_labels_are_kept_and_marks_of_test_data_are_none(office, source, them):
    psychiatric = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    test = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
    said = a_reference(
        "1", data="AAAA", meta={"security": [psychiatric, test]}, securityLabel=[{"coding": [restricted]}]
    )
    office.answers = that_holds(said)

    assert all_of(source, them)[0].document.labels == {"PSY", "R"}


HIV = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}


def test_the_label_of_a_page_is_that_of_each_document_on_it(office, source, them):
    labelled = {**searchset(a_reference("2", data="AAAA")), "meta": {"security": [HIV]}}
    office.answers = that_holds(
        a_reference("1", data="AAAA"), pages={"first": f"{office.base}/DocumentReference?page=2", "2": labelled}
    )

    assert [found.document.labels for found in all_of(source, them)] == [frozenset(), {"HIV"}]


def test_the_label_of_a_patient_is_that_of_all_the_patient_has(office, source):
    office.answers = lambda asked: as_json(searchset({**a_patient(), "meta": {"security": [HIV]}}))
    found = source.find_patient(WHO, LAKESIDE)
    office.answers = that_holds(a_reference("1", data="AAAA"))

    assert [one.document.labels for one in source.documents(found, LAKESIDE, EVERYTHING)] == [{"HIV"}]


@pytest.mark.parametrize("label", [HIV, {"display": "ask us first"}])
def test_bytes_that_come_with_a_higher_label_than_their_document_are_not_taken(office, source, them, label):
    binary = {"resourceType": "Binary", "contentType": "application/pdf", "data": "AAAA", "meta": {"security": [label]}}
    office.answers = that_holds(
        a_reference("1", url="Binary/7"),
        a_reference("2", url="Binary/8", meta={"security": [label]}),
        files={"/fhir/Binary/7": as_json(binary), "/fhir/Binary/8": as_json(binary)},
    )
    first, second = all_of(source, them)

    with pytest.raises(Unexpected, match="label"):
        list(first.files[0].read())
    assert b"".join(second.files[0].read()) == bytes(3)


# --- bytes -----------------------------------------------------------------------------------------------------


def test_a_report_shown_in_two_resources_at_one_address_is_one_document_with_both_numbers(office, source, them):
    body = b"%PDF the report"
    scanned = a_reference("1", url="Binary/7", type={"coding": [{"system": "urn:local", "code": "SCAN"}]})
    office.answers = that_holds(
        scanned,
        reports=[a_report("2", url=f"{office.base}/Binary/7", status="preliminary")],
        files={"/fhir/Binary/7": Said(body=body, content_type="application/pdf")},
    )

    (found,) = all_of(source, them)

    assert found.sources == (f"{office.base}/DocumentReference/1", f"{office.base}/DiagnosticReport/2")
    assert {each.value for each in found.document.identifiers} == {"doc-1", "1", "rep-2", "2"}
    assert found.document.kind is RecordKind.PATHOLOGY_REPORT
    assert found.document.status is DocumentStatus.PRELIMINARY
    assert b"".join(found.files[0].read()) == body
    assert [asked.path for asked in office.asked if "Binary" in asked.path] == ["/fhir/Binary/7"]
    assert office.asked[-1].headers["Accept"].startswith("application/pdf")


@pytest.mark.parametrize(("said", "is_taken_back"), [("entered-in-error", True), ("superseded", False)])
def test_what_one_of_two_resources_takes_back_is_not_taken_by_the_other(office, source, them, said, is_taken_back):
    """What another replaced may lie at the address where that one lies now."""
    office.answers = that_holds(
        a_reference("1", url="Binary/7", status=said), reports=[a_report("2", url=f"{office.base}/Binary/7")]
    )

    void, other = all_of(source, them)

    assert void.document.status.is_void
    assert isinstance(other, Bad) is is_taken_back


def test_a_day_that_only_one_of_two_resources_says_is_the_documents(office, source, them):
    office.answers = that_holds(
        a_reference("1", url="Binary/7", date=None), reports=[a_report("2", url=f"{office.base}/Binary/7")]
    )

    (found,) = all_of(source, them)

    assert (found.document.at is not None, found.document.day) == (True, PartialDate(2026, 2, 1))


def test_a_report_filed_under_two_categories_comes_once(office, source, them):
    report = a_report("2", url="Binary/7")
    office.answers = lambda asked: as_json(searchset(*([report] if "DiagnosticReport" in asked.path else [])))

    assert len(all_of(source, them)) == 1


def test_a_document_inside_its_resource_comes_byte_for_byte(office, source, them):
    content = bytes(range(256)) * 12_000
    data = base64.encodebytes(content).decode()
    office.answers = that_holds(a_reference("1", data=data))

    chunks = list(all_of(source, them)[0].files[0].read())

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= 1 << 20


def test_a_binary_that_comes_as_a_resource_is_unpacked(office, source, them):
    binary = {"resourceType": "Binary", "contentType": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
    office.answers = that_holds(a_reference("1", url="Binary/1"), files={"/fhir/Binary/1": as_json(binary)})

    assert b"".join(all_of(source, them)[0].files[0].read()) == b"%PDF"


def test_a_large_binary_comes_in_bounded_pieces(office, source, them):
    body = bytes(5 << 20)
    files = {"/fhir/Binary/1": Said(body=body, content_type="application/pdf")}
    office.answers = that_holds(a_reference("1", url="Binary/1"), files=files)
    asked = []

    (found,) = all_of(source, them, keep_going=lambda: asked.append(1))
    asked.clear()
    chunks = list(found.files[0].read())

    assert b"".join(chunks) == body
    assert max(map(len, chunks)) == 1 << 20
    assert len(asked) >= 5


@pytest.mark.parametrize(
    "url", ["{other}/Binary/1", "urn:uuid:7d5bb8ac-68ee-4926-85e7-baaaaaaaaaad", "file:///etc/passwd"]
)
def test_bytes_that_lie_elsewhere_are_never_fetched(office, source, them, url):
    with an_office() as other:
        office.answers = that_holds(a_reference("1", url=url.format(other=other.base)))

        (found,) = all_of(source, them)
        with pytest.raises(NotAllowed):
            list(found.files[0].read())

        assert other.asked == []


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (Said(403), TurnedAway),
        (Said(404), Unexpected),
        (Said(503), Unreachable),
        (Said(302, headers={"Location": "/fhir/Binary/2"}), Unexpected),
        (Said(body=b"half", content_type="application/pdf", headers={"Content-Length": "100"}), CutShort),
        (
            Said(body=b"5\r\nhalf", content_type="application/pdf", headers={"Transfer-Encoding": "chunked"}),
            CutShort,
        ),
        (Said(stream=lambda write: time.sleep(1), content_type="application/pdf"), Unreachable),
    ],
)
def test_each_failure_of_a_document_is_told_apart(office, source, them, said, failure):
    if "Transfer-Encoding" in said.headers:
        said = Said(stream=lambda write: write(b"5\r\nhalf"), content_type=said.content_type, headers=said.headers)
    office.answers = that_holds(a_reference("1", url="Binary/1"), files={"/fhir/Binary/1": said})

    (found,) = all_of(source, them)

    with pytest.raises(failure):
        list(found.files[0].read())


def test_an_unframed_body_shorter_than_announced_is_not_whole(office, source, them):
    reference = a_reference("1", url="Binary/1")
    reference["content"][0]["attachment"]["size"] = 10
    said = Said(stream=lambda write: write(b"half"), content_type="application/pdf")
    office.answers = that_holds(reference, files={"/fhir/Binary/1": said})

    with pytest.raises(CutShort):
        list(all_of(source, them)[0].files[0].read())


def test_a_document_whose_end_cannot_be_told_is_for_a_person(office, source, them):
    said = Said(stream=lambda write: write(b"half"), content_type="application/pdf")
    office.answers = that_holds(a_reference("1", url="Binary/1"), files={"/fhir/Binary/1": said})

    with pytest.raises(Unexpected):
        list(all_of(source, them)[0].files[0].read())


def test_a_hash_that_is_none_proves_no_end(office, source, them):
    reference = a_reference("1", url="Binary/1")
    reference["content"][0]["attachment"]["hash"] = "bm90IGEgaGFzaA=="
    said = Said(stream=lambda write: write(b"half"), content_type="application/pdf")
    office.answers = that_holds(reference, files={"/fhir/Binary/1": said})

    with pytest.raises(Unexpected):
        list(all_of(source, them)[0].files[0].read())


@pytest.mark.parametrize("inline", [True, False])
def test_other_bytes_than_the_offices_own_hash_says_are_found_out(office, source, them, inline):
    reference = a_reference("1", data="AAAA") if inline else a_reference("1", url="Binary/1")
    right = base64.b64encode(hashlib.sha1(bytes(3), usedforsecurity=False).digest()).decode()
    reference["content"][0]["attachment"]["hash"] = right
    files = {"/fhir/Binary/1": Said(body=bytes(3), content_type="application/pdf")}
    office.answers = that_holds(reference, files=files)

    assert Flaw.HASH_DIFFERS not in judged(all_of(source, them)[0]).flaws

    reference["content"][0]["attachment"]["hash"] = base64.b64encode(bytes(20)).decode()
    assert Flaw.HASH_DIFFERS in judged(all_of(source, them)[0]).flaws


def test_a_giant_document_is_not_taken(office, them):
    files = {"/fhir/Binary/1": Said(stream=lambda write: write(bytes(3 << 20)), content_type="application/pdf")}
    office.answers = that_holds(a_reference("1", url="Binary/1"), files=files)

    with closing(FhirSourceClient(office.base, TOKEN, http=HttpLimits(stream_bytes=1 << 20))) as client:
        (found,) = all_of(client, them)
        with pytest.raises(TooLarge):
            list(found.files[0].read())


def test_a_report_that_is_only_results_comes_with_all_of_them(office, source, them):
    report = a_report("9", category="LAB", result=[{"reference": "Observation/o1"}])
    report["category"][0]["coding"][0]["system"] = "http://terminology.hl7.org/CodeSystem/v2-0074"
    observation = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "CEA"}}
    page = searchset(report, observation)
    office.answers = that_holds(reports=[report], files={"/fhir/DiagnosticReport": as_json(page)})

    (found,) = all_of(source, them)

    whole = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": report}, {"resource": observation}]}
    assert json.loads(b"".join(found.files[0].read())) == whole
    assert found.document.content_type == "application/fhir+json"
    office.answers = that_holds(files={"/fhir/DiagnosticReport": as_json(searchset(report))})
    with pytest.raises(Unexpected):
        list(found.files[0].read())


def test_a_withdrawn_permission_stops_everything_at_once(office, source, them):
    office.answers = that_holds(a_reference("1", url="Binary/1"))

    def stopped():
        raise ChangedMeanwhile("stop")

    with pytest.raises(ChangedMeanwhile):
        all_of(source, them, keep_going=stopped)

    assert len(office.asked) <= 1


def test_a_stop_in_the_middle_of_a_document_is_obeyed_within_a_mebibyte(office, source, them):
    files = {"/fhir/Binary/1": Said(body=bytes(8 << 20), content_type="application/pdf")}
    office.answers = that_holds(a_reference("1", url="Binary/1"), files=files)
    stopped = threading.Event()

    def unless_stopped():
        if stopped.is_set():
            raise ChangedMeanwhile("stop")

    (found,) = all_of(source, them, keep_going=unless_stopped)
    chunks = found.files[0].read()
    next(chunks)
    stopped.set()

    with pytest.raises(ChangedMeanwhile):
        next(chunks)


def test_nothing_of_a_patient_is_logged_nor_said_in_errors(office, source, caplog):
    caplog.set_level(logging.DEBUG)
    answers = iter([Said(405), Said(400, body=b'{"text": "no such patient Quillfeather"}')])
    office.answers = lambda asked: next(answers)

    with handed_back(), pytest.raises(Unexpected) as caught:
        logs.tame(threads=False)
        source.find_patient(Demographics(names=WHO.names, birth_date=WHO.birth_date), LAKESIDE)

    assert "Quillfeather" in office.asked[-1].query["family"]
    assert "uillfeather" not in caplog.text + str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
