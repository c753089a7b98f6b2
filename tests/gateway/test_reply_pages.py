"""A source without an interface answers by the code of a letter: nothing before it, nothing beyond the letter."""

import re
import secrets
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser
from tests.kit.papers import a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts, letter_codes
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.facts import Chain
from transfer.flow import desk
from transfer.gateway.outside.reply.answers import CHOICES
from transfer.gateway.outside.uploads import MAX_BYTES
from transfer.identifiers import CaseId
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import MOST_TRIES, Outsider, TriedBy
from transfer.requests import RequestState
from transfer.rights import Role
from transfer.sandbox.charts import Chart
from transfer.sentences.trade import day_words

pytestmark = pytest.mark.servers
S = RequestState
PDF = ("scan.pdf", b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF", "application/pdf")


@pytest.fixture
def browser(giving: Giving) -> OutsideBrowser:
    found = OutsideBrowser(giving.services, giving.outgoing)
    found.kind = Outsider.SOURCE
    return found


class Letter:
    """A letter to the laboratory about a patient."""

    def __init__(self, browser: OutsideBrowser, chart: Chart | None = None) -> None:
        self.services = browser.services
        self.browser = browser
        self.chart = chart or b.a_chart()
        self.case: CaseId = b.a_case(browser.services, self.chart)
        self.request = b.request_to(browser.services, self.case, b.PRAIRIE).id
        given = desk.give_reply_code(browser.services, self.request, actor=ANN)
        self.code = str(given.fields["code"])

    @property
    def born(self) -> date:
        return date.fromisoformat(self.chart["patient"]["birth_date"])

    def fields(self, **other: str) -> dict[str, Any]:
        day = self.born
        plain = {"code": self.code, "born-year": str(day.year), "born-month": str(day.month), "born-day": str(day.day)}
        return plain | {name.replace("_", "-"): value for name, value in other.items()}

    def open(self, **other: str) -> Any:
        return self.browser.post("/r/open", self.fields(**other))

    @property
    def path(self) -> str:
        return f"/r/requests/{self.request}"

    @property
    def state(self) -> RequestState:
        return b.request_to(self.services, self.case, b.PRAIRIE).state

    def answer(self, word: str, **fields: str) -> Any:
        """Check and send, as a person does. The page after it."""
        form = self.browser.get(f"{self.path}/answer/{word}")
        key = re.findall(r'name="key" value="(\w+)"', form.text)[0]
        said = {"person": "Ms. Okonkwo", "key": key} | {name.replace("_", "-"): one for name, one in fields.items()}
        checked = self.browser.upload(f"{self.path}/answer/{word}", said)
        assert checked.status_code == 200, text_of(checked.text)
        sent = self.browser.post(f"{self.path}/answer/{word}/send", said)
        assert sent.headers["location"] == f"{self.path}/sent"
        process_all(self.services)
        return self.browser.get(sent.headers["location"])


def code_that_is_none() -> str:
    return letter_codes.of(secrets.token_bytes(32))


@pytest.fixture
def letter(browser: OutsideBrowser) -> Letter:
    return Letter(browser)


def test_nothing_is_shown_before_code_and_birth_date(letter: Letter, browser: OutsideBrowser):
    family = letter.chart["patient"]["family"]
    for page in (browser.get("/r/open"), browser.get(f"/r/code/{letter.code}"), browser.get("/r/")):
        assert family not in page.text
        assert letter.request not in page.text
    assert letter.code in browser.get(f"/r/code/{letter.code}").text

    opened = letter.open()
    listed, shown = browser.get("/r/"), browser.get(letter.path)

    assert opened.status_code == 200
    assert "__Host-source=" in opened.headers["set-cookie"]
    assert family in text_of(listed.text)
    assert family in text_of(shown.text)
    assert f"<title>Request {letter.request}" in shown.text  # no name in a title
    with letter.services.ledger.transaction() as tx:
        seen = [one.fact for one in tx.lines(Chain.case(letter.case)) if isinstance(one.fact, facts.LetterOpened)]
    assert [one.request for one in seen] == [letter.request]


def test_whatever_is_wrong_looks_the_same(letter: Letter, browser: OutsideBrowser, hours_pass):
    other = Letter(browser)
    own = str(desk.give_own_code(letter.services, letter.case, CodeHolder.PATIENT, actor=ANN).fields["code"])
    wrong = [letter.open(born_year="1901"), letter.open(code=other.code), letter.open(code=own)]
    desk.end_codes(other.services, other.case, CodeHolder.SOURCE, actor=ANN)
    wrong.append(other.open())
    hours_pass(timedelta(days=31))
    wrong.append(letter.open())

    assert [one.status_code for one in wrong] == [422] * 5
    assert len({re.sub(r'value="[^"]*"', "", one.text) for one in wrong}) == 1
    assert all("set-cookie" not in one.headers for one in wrong)


def test_a_code_that_is_ended_closes_what_it_opened_and_leaves_other_letters_open(
    letter: Letter, browser: OutsideBrowser
):
    letter.open()
    other = Letter(browser)
    browser.post("/r/another", other.fields())
    assert browser.get(other.path).status_code == 200

    desk.end_codes(other.services, other.case, CodeHolder.SOURCE, actor=ANN)

    assert browser.get(other.path).status_code == 404
    assert other.request not in browser.get("/r/").text
    assert browser.get(letter.path).status_code == 200
    desk.end_codes(letter.services, letter.case, CodeHolder.SOURCE, actor=ANN)
    assert browser.get(letter.path).status_code == 401


def test_an_office_opens_as_many_letters_as_it_has_and_guesses_are_counted(letter: Letter, browser: OutsideBrowser):
    each = MOST_TRIES[TriedBy.CODE]
    letters = [letter, *(Letter(browser) for _ in range(MOST_TRIES[TriedBy.ADDRESS] // each))]
    for one in letters:
        assert [one.open().status_code for _ in range(each)] == [200] * each

    for _ in range(MOST_TRIES[TriedBy.ADDRESS]):
        assert browser.post("/r/open", letter.fields(code=code_that_is_none())).status_code == 422
    assert letter.open().status_code == 409


def test_one_letter_is_not_opened_for_ever(letter: Letter):
    tries = MOST_TRIES[TriedBy.CODE] + MOST_TRIES[TriedBy.ADDRESS]

    opened = [letter.open().status_code for _ in range(tries + 1)]

    assert opened == [200] * tries + [409]


def test_an_answer_that_is_put_right_on_the_page_before_takes_effect(letter: Letter, browser: OutsideBrowser):
    letter.open()
    key = re.findall(r'name="key" value="(\w+)"', browser.get(f"{letter.path}/answer/ready-on").text)[0]
    today = datetime.now(UTC).date()
    days = [today + timedelta(days=after) for after in (10, 20, 20)]

    for day in days:
        said = {"day-year": str(day.year), "day-month": str(day.month), "day-day": str(day.day)}
        browser.post(f"{letter.path}/answer/ready-on/send", {"person": "Ms. Okonkwo", "key": key} | said)
    process_all(letter.services)

    due = b.request_to(letter.services, letter.case, b.PRAIRIE).due_at
    assert due
    assert due.date() > days[0] + timedelta(days=5)
    with letter.services.ledger.transaction() as tx:
        assert len(tx.rows("SELECT FROM letter_replies")) == 2


def test_who_answers_what_is_not_awaited_any_more_is_told_so(letter: Letter, browser: OutsideBrowser):
    letter.open()
    b.put(letter.services, b.request_to(letter.services, letter.case, b.PRAIRIE), S.NO_RECORDS)
    said = {"person": "Ms. Okonkwo", "key": "k"}

    pages = [
        browser.get(f"{letter.path}/answer/records"),
        browser.upload(f"{letter.path}/answer/records", said, [("files", PDF)]),
        browser.post(f"{letter.path}/answer/in-progress/send", said),
    ]

    assert [one.status_code for one in pages] == [200, 409, 409]
    assert all("Nothing more is needed. Please send nothing." in text_of(one.text) for one in pages)


@pytest.mark.parametrize("word", ["ready-on", "will-send", "already-sent"])
def test_a_day_that_cannot_be_meant_is_asked_for_again(letter: Letter, browser: OutsideBrowser, word: str):
    letter.open()
    day = {"day-year": str(datetime.now(UTC).year + 36), "day-month": "1", "day-day": "4"}

    for act in (word, f"{word}/send"):
        asked = browser.post if act != word else browser.upload
        again = asked(f"{letter.path}/answer/{act}", {"person": "Ms. Okonkwo", "key": "k", "to-whom": "Dr. Lee"} | day)
        assert again.status_code == 422
        assert "Not after" in text_of(again.text)
    process_all(letter.services)
    assert letter.state is S.EXPECTED


def test_ten_tries_at_a_code_are_the_last_for_an_hour_and_a_person_is_told(letter: Letter, hours_pass):
    for _ in range(MOST_TRIES[TriedBy.CODE]):
        assert letter.open(born_year="1901").status_code == 422

    assert letter.open().status_code == 409
    refused = letter.open()
    assert refused.status_code == 409
    assert "Try again in an hour. It does not work? Call the number on the letter." in text_of(refused.text)
    told = b.the_hold(letter.services, "letter-code-tried")
    assert (told.subject, told.about) == (letter.case, letter.request)
    hours_pass(timedelta(hours=1, minutes=1))
    assert letter.open().status_code == 200


def test_a_letter_opens_its_own_request_alone(letter: Letter, browser: OutsideBrowser):
    other = Letter(browser)
    letter.open()

    assert browser.get(other.path).status_code == 404
    assert browser.get(f"{other.path}/answer/no-records").status_code == 404
    assert browser.post(f"{other.path}/answer/no-records/send", {"person": "x", "key": "k"}).status_code == 404
    assert other.request not in browser.get("/r/").text
    sent = browser.post("/r/another", other.fields())
    assert sent.headers["location"] == other.path
    assert other.request in browser.get("/r/").text
    assert browser.get(other.path).status_code == 200


def test_a_letter_to_another_institution_is_not_added(letter: Letter, browser: OutsideBrowser):
    letter.open()
    theirs = b.request_to(letter.services, letter.case, b.MERCY).id
    code = str(desk.give_reply_code(letter.services, theirs, actor=ANN).fields["code"])

    assert browser.post("/r/another", letter.fields(code=code)).status_code == 422
    assert theirs not in browser.get("/r/").text


@pytest.mark.parametrize(
    ("word", "fields", "state"),
    [
        ("will-send", {"courier": "FedEx", "tracking": "7712"}, S.EXPECTED),
        ("ready-on", {"day_year": "2027", "day_month": "1", "day_day": "4"}, S.READY_ON),
        ("in-progress", {}, S.IN_PROGRESS),
        ("not-signed", {}, S.NOT_SIGNED),
        ("no-records", {"reason": "destroyed"}, S.NO_RECORDS),
        ("not-found", {"known_as": "Miller"}, S.NOT_FOUND),
        ("identifier", {"which": "Date of service"}, S.IDENTIFIER_REQUIRED),
        ("form-required", {}, S.FORM_REQUIRED),
        ("not-accepted", {"reason": "too-old"}, S.AUTHORIZATION_NOT_ACCEPTED),
        ("fee", {"amount": "$12.50"}, S.FEE_REQUIRED),
        (
            "already-sent",
            {"day_year": "2026", "day_month": "11", "day_day": "2", "to_whom": "Dr. Lee"},
            S.ALREADY_SENT,
        ),
        ("elsewhere", {"ask": "Cytology"}, S.HELD_ELSEWHERE),
        ("vendor", {"vendor": "Releaseco, fax 555"}, S.HELD_ELSEWHERE),
        ("refused", {"reason": "policy"}, S.REFUSED),
        ("other", {"say": "Please call"}, S.ANSWER_UNCLEAR),
    ],
)
def test_each_answer_moves_the_request_and_its_words_are_sealed(letter: Letter, word, fields, state):
    letter.open()

    thanks = letter.answer(word, reference="R-77", **fields)

    assert letter.state is state
    (shown,) = [
        one
        for one in desk.dossier(letter.services, letter.case, actor=ANN, identity=True, notes=True).requests
        if one.request == letter.request
    ]
    assert shown.heard
    assert (shown.heard.person, shown.heard.reference) == ("Ms. Okonkwo", "R-77")
    words = [one for name, one in fields.items() if not name.startswith(("day", "reason", "amount"))]
    assert all(one in (shown.heard.words or "") for one in words)
    assert re.search(r"\ba[0-9a-z]{15}\b", text_of(thanks.text))


def test_every_answer_of_the_page_is_tried_above():
    (mark,) = [
        one
        for one in test_each_answer_moves_the_request_and_its_words_are_sealed.pytestmark
        if one.name == "parametrize"
    ]
    tried = {word for word, _, _ in mark.args[1]}

    assert tried | {"records", "rest-follows"} == {*CHOICES}


def test_records_come_in_and_wait_for_a_person(letter: Letter, browser: OutsideBrowser):
    letter.open()
    form = browser.get(f"{letter.path}/answer/records").text
    line = re.findall(r'name="line" value="([^"]+)"|<option value="([a-z][^"]+)"', form)[0]

    sent = browser.upload(
        f"{letter.path}/answer/records",
        {"person": "Ms. Okonkwo", "key": "k1", "line": "".join(line)},
        [("files", PDF), ("files", PDF)],
    )
    again = browser.upload(
        f"{letter.path}/answer/records",
        {"person": "Ms. Okonkwo", "key": "k1", "line": "".join(line)},
        [("files", PDF), ("files", PDF)],
    )
    process_all(letter.services)

    assert sent.headers["location"] == again.headers["location"] == f"{letter.path}/sent"
    receipt = text_of(browser.get(f"{letter.path}/receipt").text)
    assert receipt.count("2 files uploaded") == 1
    assert "164.528" in receipt
    kept = desk.dossier(letter.services, letter.case, actor=ANN).records
    assert {(one.institution, one.status) for one in kept} == {(b.PRAIRIE, "unknown")}
    assert len(kept) in (1, 2)  # the same file twice may be one


def test_a_part_is_taken_and_the_rest_is_awaited(letter: Letter, browser: OutsideBrowser):
    letter.open()

    browser.upload(
        f"{letter.path}/answer/rest-follows",
        {"person": "Ms. Okonkwo", "key": "k1", "lacking": "addendum"},
        [("files", PDF)],
    )
    process_all(letter.services)

    assert letter.state is S.REST_FOLLOWS
    assert desk.dossier(letter.services, letter.case, actor=ANN).records


def test_a_form_of_theirs_is_shown_to_a_person_and_is_no_record(letter: Letter, browser: OutsideBrowser):
    letter.open()

    browser.upload(f"{letter.path}/answer/form-required", {"person": "Ms. Okonkwo", "key": "k1"}, [("files", PDF)])
    process_all(letter.services)

    assert letter.state is S.FORM_REQUIRED
    asked = b.the_hold(letter.services, "uploaded")
    assert asked.subject == letter.case
    assert b"".join(desk.open_message(letter.services, asked.about, actor=ANN).pieces()) == PDF[1]
    assert not desk.dossier(letter.services, letter.case, actor=ANN).records


def test_files_are_bounded_and_of_known_kinds(letter: Letter, browser: OutsideBrowser):
    letter.open()
    path = f"{letter.path}/answer/records"

    def sent(content: bytes, name: str = "x.pdf", **fields: str) -> int:
        said = {"person": "Ms. Okonkwo", "key": "k1", **fields}
        return int(browser.upload(path, said, [("files", (name, content, "application/pdf"))]).status_code)

    assert sent(b"MZ\x90\x00 a program") == 422
    assert sent(b"PK\x03\x04 a ZIP") == 422
    assert sent(b"%PDF-" + b"x" * MAX_BYTES) == 413
    assert sent(PDF[1], person="") == 422
    assert browser.upload(path, {"person": "Ms. Okonkwo", "key": "k1"}).status_code == 422
    assert browser.post(path, {"person": "Ms. Okonkwo"}).status_code == 415
    assert browser.upload(path, {"token": "of another"}, [("files", PDF)]).status_code == 403
    process_all(letter.services)
    assert not desk.dossier(letter.services, letter.case, actor=ANN).records


def test_of_what_nothing_is_awaited_nothing_is_asked(letter: Letter, browser: OutsideBrowser):
    letter.open()
    desk.close(letter.services, letter.case, "withdrawn", actor=ANN)

    page = browser.get(letter.path)

    assert "/answer/" not in page.text
    assert "Nothing more is needed" in page.text
    sent = browser.post(f"{letter.path}/answer/refused/send", {"person": "x", "reason": "policy", "key": "k"})
    assert sent.status_code == 409
    assert "/answer/" not in sent.text


def test_the_pages_are_the_same_whether_or_not_something_is_withheld(browser: OutsideBrowser):
    """Of two patients one has a record of a category that no form names: it is withheld, and no page tells."""
    plain, withheld = Letter(browser), Letter(browser)
    body = b.report_of(withheld.chart).rstrip(b"\r") + b"\rARV|1|A|HIV\r"
    b.comes(browser.services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(browser.services)
    assert not desk.dossier(browser.services, withheld.case, actor=ANN).records

    assert told(plain) == told(withheld)


def told(letter: Letter) -> list[str]:
    """The pages of source and patient, without what names the patient and our numbers."""
    browser = letter.browser
    browser.client.cookies.clear()
    browser.kind = Outsider.SOURCE
    letter.open()
    shown = [browser.get("/r/").text, browser.get(letter.path).text, browser.get(f"{letter.path}/receipt").text]
    code = desk.give_own_code(letter.services, letter.case, CodeHolder.PATIENT, actor=ANN).fields["code"]
    browser.kind = Outsider.OWN
    browser.post("/own/open", letter.fields(code=str(code)))
    shown.append(browser.get("/own/").text)
    patient = letter.chart["patient"]
    own = [patient["family"], *patient["given"], letter.request, day_words(letter.born)]
    for name in own:
        shown = [page.replace(escape(name), "…") for page in shown]
    variable = r'value="[^"]*"|your number \S+|\d\d:\d\d \w+|needed by[^\n]*'
    return [re.sub(variable, "", page, flags=re.IGNORECASE) for page in shown]


def test_what_is_uploaded_leads_into_incoming_with_its_case_found(letter: Letter, browser: OutsideBrowser):
    letter.open()
    scan = ("form.pdf", a_pdf(2), "application/pdf")
    browser.upload(f"{letter.path}/answer/form-required", {"person": "Ms. Okonkwo", "key": "k1"}, [("files", scan)])
    process_all(letter.services)
    asked = b.the_hold(letter.services, "uploaded")
    ann = Desk(letter.services)
    ann.sign_in(Role.OFFICER, person=a_person("ann", "Ann Example"))
    assert "Index its pages in Incoming" in text_of(ann.get(f"/desk/decisions/{asked.id}").text)

    led = ann.post(f"/desk/decisions/{asked.id}/incoming")
    again = ann.post(f"/desk/decisions/{asked.id}/incoming")

    (paper,) = desk.list_incoming(letter.services, actor=ANN).papers
    path = f"/desk/incoming/{paper.incoming}/cases/{letter.case}"
    assert led.headers["location"] == again.headers["location"] == path
    assert (paper.taker, paper.pages) == ("Ann Example", 2)
    assert ann.get(path).status_code == 200
    assert desk.hold(letter.services, asked.id, actor=ANN).hold.resolved_at is not None
