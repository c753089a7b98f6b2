"""A receiving center at our pages: from the mail that a packet stands ready to its answer; nothing withheld shows."""

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.kit.builders import a_case_without_slides, a_chart, new_services, open_holds, the_hold
from tests.kit.center_by_pages import by_pages
from tests.kit.desk_client import text_of
from tests.kit.fakes import KeptMail
from tests.kit.open_streams import Giving
from tests.kit.outside_client import MAIL, SUMMIT, OutsideBrowser, code_in, invited
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.case import Case
from transfer.errors import NotAllowed, OutOfOrder, TurnedAway
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.desk import resolve
from transfer.holds import HoldAnswer
from transfer.identifiers import ArrivalId, CaseId, PacketId
from transfer.ledger import Ledger, requests
from transfer.mail import Mail
from transfer.pages.forms import TOKEN

pytestmark = pytest.mark.servers


@pytest.fixture
def giving(ledger: Ledger, migrated: Any) -> Iterator[Giving]:
    """The center has no endpoint."""
    giving = Giving(by_pages(new_services(ledger), SUMMIT), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


@pytest.fixture
def browser(giving: Giving) -> OutsideBrowser:
    return OutsideBrowser(giving.services, giving.outgoing)


def a_case_to_send(giving: Giving) -> CaseId:
    case = a_case_without_slides(giving.services, a_chart())
    resolve(giving.services, the_hold(giving.services, "approve-partial").id, HoldAnswer.APPROVE, actor=ANN)
    process_all(giving.services)
    return case


def case_of(giving: Giving, case: CaseId) -> Case:
    with giving.services.ledger.transaction() as tx:
        return tx.case(case)


def codes(giving: Giving) -> list[str]:
    return [one.code.value for one in open_holds(giving.services)]


def signed_in(browser: OutsideBrowser, pin: str) -> None:
    browser.post("/c/sign-in", {"mail": MAIL})
    browser.post("/c/sign-in/code", {"mail": MAIL, "code": code_in(browser.services), "pin": pin})


def ready(giving: Giving, browser: OutsideBrowser) -> PacketId:
    """A packet stands ready, and somebody of the center has signed in."""
    pin = invited(giving.services)
    case = a_case_to_send(giving)
    signed_in(browser, pin)
    return PacketId(next(iter(case_of(giving, case).packets)))


def test_a_packet_stands_ready_and_a_mail_without_a_name_says_so(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)

    sent = case_of(giving, packet.case).packets[packet]
    assert (sent.outcome, sent.receipt) == ("made", None)
    assert isinstance(giving.services.mailer, KeptMail)
    mails = [one for one in giving.services.mailer.sent if one.subject == "A records packet is ready"]
    assert [one.to for one in mails] == [MAIL]
    assert not re.search(rf"{packet.case}|\d{{4}}", mails[0].text)
    assert "https://transfer.example/c/" in mails[0].text
    assert str(packet) in browser.get("/c/").text


def test_nobody_is_told_where_nobody_was_invited_and_a_person_is_asked(giving: Giving, browser: OutsideBrowser):
    case = a_case_to_send(giving)
    assert codes(giving) == ["receiver-has-no-door"]

    pin = invited(giving.services)
    resolve(giving.services, the_hold(giving.services, "receiver-has-no-door").id, HoldAnswer.AGAIN, actor=ANN)
    process_all(giving.services)

    signed_in(browser, pin)
    assert case in browser.get("/c/").text


@pytest.mark.parametrize(
    ("error", "holds"), [(OutOfOrder("mail is away"), []), (TurnedAway("no such address"), ["receiver-refused"])]
)
def test_mail_that_does_not_go_is_tried_again_or_asked_about(
    giving: Giving, monkeypatch, error: Exception, holds: list[str]
):
    invited(giving.services)

    def away(_self: KeptMail, _mail: Mail) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(KeptMail, "send", away)
        case = a_case_to_send(giving)
        assert next(iter(case_of(giving, case).packets.values())).outcome == "not-made"
        assert codes(giving) == holds


def test_the_same_bytes_come_as_zip_and_as_tar(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)

    zipped, tarred = (browser.get(f"/c/packets/{packet}/packet.{kind}") for kind in ("zip", "tar"))

    with zipfile.ZipFile(io.BytesIO(zipped.content)) as one, tarfile.open(fileobj=io.BytesIO(tarred.content)) as other:
        files = {name: one.read(name) for name in one.namelist()}
        for member in other.getmembers():
            taken = other.extractfile(member)
            assert taken
            assert files.pop(f"{packet}/{member.name.removeprefix(f'{packet}/')}") == taken.read()
        assert files == {}
    assert "attachment" in zipped.headers["content-disposition"]
    assert "content-length" not in zipped.headers  # nobody knows it before; a server would end at a wrong one


def test_accepting_is_the_receipt(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)

    said = browser.post(f"/c/packets/{packet}/accept")
    again = browser.post(f"/c/packets/{packet}/accept")
    process_all(giving.services)

    assert (said.status_code, again.status_code) == (303, 303)
    receipt = case_of(giving, packet.case).packets[packet].receipt
    assert receipt
    assert (receipt.status, receipt.reasons) == ("accepted", ())
    assert "at our pages" in str(desk.story(giving.services, packet.case, actor=ANN))
    shown = browser.get(f"/c/packets/{packet}").text
    assert "Accepted" in shown
    assert "We accept it" not in shown


def test_wanting_more_reopens_the_lines_and_the_packet_is_not_there_any_more(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    form = browser.get(f"/c/packets/{packet}/more")
    (line,) = re.findall(r'value="(pathology[^"]*)"', form.text)[:1]

    assert browser.post(f"/c/packets/{packet}/more").status_code == 422
    browser.post(f"/c/packets/{packet}/more", {"lines": [line], "reasons": ["unreadable", "nonsense", "<b>"]})
    process_all(giving.services)

    receipt = case_of(giving, packet.case).packets[packet].receipt
    assert receipt
    assert (receipt.status, {*receipt.reasons}) == ("declined", {line, "unreadable"})
    assert "packet-declined" in codes(giving)
    assert browser.get(f"/c/packets/{packet}").status_code == 404


def test_not_taking_the_case_ends_it_once_they_have_ticked_that_they_read_what_follows(
    giving: Giving, browser: OutsideBrowser
):
    packet = ready(giving, browser)

    assert "What follows" in browser.get(f"/c/packets/{packet}/no-case").text
    assert browser.post(f"/c/packets/{packet}/no-case").status_code == 422
    assert browser.post(f"/c/packets/{packet}/no-case", {"sure": "yes"}).status_code == 303
    process_all(giving.services)

    closed = case_of(giving, packet.case).closed
    assert closed
    assert closed.ending == "center-declined"
    assert str(packet) not in browser.get("/c/").text


def test_another_center_answers_nothing(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    browser.sign_in(institution="mercy-imaging")

    for path in ("accept", "more", "no-case"):
        answer = browser.post(f"/c/packets/{packet}/{path}", {"sure": "yes", "reasons": ["unreadable"]})
        assert answer.status_code == 404
    process_all(giving.services)

    assert case_of(giving, packet.case).packets[packet].receipt is None


def test_what_somebody_of_a_center_looks_at_is_written_down(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    browser.get(f"/c/packets/{packet}")

    looks = desk.list_looks(giving.services, actor=ANN, days=1, case=packet.case)

    assert ("identity-viewed", "center", MAIL) in [(one.kind, one.place, one.name) for one in looks]
    assert "Ann" not in text_of(browser.get("/c/").text)


def test_a_question_is_something_to_do_at_the_desk_and_the_reply_is_read_here(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    where = f"/c/packets/{packet}/words"

    assert browser.post(where, {"question": " "}).status_code == 422
    browser.post(where, {"question": "Which block\nis it?"})
    browser.post(where, {"question": "Which block\nis it?"})  # sent twice
    hold = the_hold(giving.services, "center-asks")
    assert "Waits for the records desk" in browser.get(where).text
    assert desk.read_center_question(giving.services, hold.id, actor=ANN) == "Which block\nis it?"
    with pytest.raises(NotAllowed):
        resolve(giving.services, hold.id, HoldAnswer.REPLY, actor=ANN)
    resolve(giving.services, hold.id, HoldAnswer.REPLY, actor=ANN, note="Block A2.")

    shown = browser.get(where).text
    assert "Block A2." in shown
    assert text_of(shown).count("Which block") == 1
    browser.post(where, {"question": "Which block\nis it?"})  # they ask once more
    again = the_hold(giving.services, "center-asks")
    assert again.about != hold.about
    resolve(giving.services, again.id, HoldAnswer.SEEN, actor=ANN)
    browser.sign_in(account="s1111")  # of the same center, and not who asked
    assert browser.get(where).status_code == 200
    browser.sign_in(institution="mercy-imaging")
    assert browser.get(where).status_code == 404


def test_a_note_of_the_desk_that_is_no_reply_is_not_read_here(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    where = f"/c/packets/{packet}/words"
    browser.post(where, {"question": "When?"})
    desk.add_note(giving.services, packet.case, "Internal word.", actor=ANN)

    resolve(giving.services, the_hold(giving.services, "center-asks").id, HoldAnswer.SEEN, actor=ANN, note="Kept here.")

    shown = browser.get(where).text
    assert "Seen by the records desk" in shown
    assert "Internal word." not in shown
    assert "Kept here." not in shown


def test_only_so_many_questions_wait_at_once(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    where = f"/c/packets/{packet}/words"

    answers = [browser.post(where, {"question": f"Question {number}?"}).status_code for number in range(6)]

    assert answers == [303] * 5 + [409]


def test_numbers_of_the_center_are_read_at_the_desk(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    where = f"/c/packets/{packet}/numbers"

    assert browser.post(where, {"mrn": "", "accession": ""}).status_code == 422
    assert browser.post(where, {"mrn": "x" * 41, "accession": ""}).status_code == 422
    browser.post(where, {"mrn": "00417", "accession": "S26-1"})

    notes = [one.text or "" for one in desk.dossier(giving.services, packet.case, actor=ANN, notes=True).notes]
    assert any("00417" in one and "Summit" in one for one in notes)
    with giving.services.ledger.transaction() as tx:
        assert "00417" not in str(tx.lines(Chain.case(packet.case)))


def test_a_consult_report_is_kept_with_the_patient_and_shown_at_the_desk(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    where = f"/c/packets/{packet}/report"

    def sent(name: str, content: bytes) -> int:
        files = {"files": (name, content, "application/pdf")}
        return int(browser.client.post(where, data={TOKEN: browser.token}, files=files).status_code)

    assert sent("report.pdf", b"MZ no report") == 422
    assert browser.client.post(where, data={TOKEN: browser.token}, files={"x": b""}).status_code == 422
    assert sent("Theodora.pdf", b"%PDF-1.7 report") == 303
    assert sent("again.pdf", b"%PDF-1.7 report") == 303
    process_all(giving.services)

    assert browser.get(where).text.count("Received") == 1
    told = str(desk.story(giving.services, packet.case, actor=ANN))
    assert "sent its consult report" in told
    assert "Theodora" not in told
    (hold,) = [one for one in open_holds(giving.services) if one.code == "uploaded"]
    assert b"%PDF-1.7" in b"".join(desk.open_message(giving.services, ArrivalId(hold.about or ""), actor=ANN).pieces())
    browser.sign_in(institution="mercy-imaging")
    assert browser.get(where).status_code == 404
    assert sent("other.pdf", b"%PDF-1.7 other") == 404


def test_a_packet_is_found_by_a_number_of_the_center_and_by_nobody_else_s(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    browser.post(f"/c/packets/{packet}/numbers", {"mrn": "MRN-00417", "accession": "S26-1"})

    for number in ("mrn-00417", " S26-1 ", "]C1S26-1"):
        found = browser.post("/c/find", {"number": number})
        assert str(packet) in found.text, number
        assert "your number S26-1" in text_of(found.text)
    assert str(packet) not in browser.post("/c/find", {"number": "00417"}).text
    assert browser.post("/c/find", {"number": " "}).status_code == 422
    assert browser.post("/c/find", {"number": "x" * 41}).status_code == 422
    looks = desk.list_looks(giving.services, actor=ANN, days=1, case=packet.case)
    assert "patients-sought" not in [one.kind for one in looks]  # which patients were shown is told beside it
    browser.sign_in(institution="mercy-imaging")
    assert str(packet) not in browser.post("/c/find", {"number": "S26-1"}).text


def test_what_is_outstanding_is_told_with_the_day_on_which_it_was_promised(giving: Giving, browser: OutsideBrowser):
    packet = ready(giving, browser)
    with giving.services.ledger.transaction() as tx:
        tx.lock_case(packet.case)
        lacking = tx.case(packet.case).packets[packet].assembled.lacking
        (one, *_) = requests.of_case(tx, packet.case)
        requests.change_lines(tx, one, lacking)
        tx.run(
            "UPDATE requests SET state = 'ready-on', due_at = %s WHERE request = %s",
            *(datetime(2026, 12, 4, 5, 59, tzinfo=UTC), one.id),
        )

    assert "expected Thu 3 Dec 2026" in text_of(browser.get("/c/").text)
    assert "expected Thu 3 Dec 2026" in text_of(browser.get(f"/c/packets/{packet}").text)
