"""The patient and the referring office see four plain lines by the code of a letter; the patient stops at once."""

import io
import re
import time
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk
from transfer.gateway.outside.uploads import MAX_FILES
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import holds, permissions
from transfer.letter_codes import MOST_WRONG_PINS, CodeHolder
from transfer.outside_sessions import Outsider
from transfer.permissions import End
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart
from transfer.sentences.own_pages import OWN

pytestmark = pytest.mark.servers
PHOTO = ("form.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"x" * 100 + b"\xff\xd9", "image/jpeg")


@pytest.fixture
def browser(giving: Giving) -> OutsideBrowser:
    return OutsideBrowser(giving.services, giving.outgoing)


def entered(
    browser: OutsideBrowser, case: CaseId, chart: Chart, holder: CodeHolder = CodeHolder.PATIENT, **other: str
) -> Any:
    """Whoever has this code types it, with the birth date."""
    browser.kind = Outsider.OWN
    code = str(desk.give_own_code(browser.services, case, holder, actor=ANN).fields["code"])
    year, month, day = chart["patient"]["birth_date"].split("-")
    typed = {"code": code, "born-year": year, "born-month": month, "born-day": day}
    return browser.post("/own/open", typed | other)


def proven(browser: OutsideBrowser, case: CaseId, holder: CodeHolder = CodeHolder.PATIENT, to: str = "send") -> None:
    """Somebody told them the PIN, and they typed it."""
    pin = str(desk.give_own_pin(browser.services, case, holder, actor=ANN).fields["pin"])
    assert browser.post("/own/pin", {"pin": pin, "to": to}).headers["location"] == f"/own/{to}"


def ends(browser: OutsideBrowser, case: CaseId) -> set[End | None]:
    with browser.services.ledger.transaction() as tx:
        return {one.ended for one in permissions.states(tx, b.patient_of(browser.services, case))}


def stops(browser: OutsideBrowser, case: CaseId) -> set[str | None]:
    return {one.about for one in b.open_holds(browser.services, case) if one.code is HoldCode.FORM_STOPPED}


def form_key(page: Any) -> str:
    return str(re.findall(r'name="key" value="(\w+)"', page.text)[0])


def test_the_patient_sees_how_it_stands_and_nothing_of_others(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)

    assert browser.get("/own/").status_code == 401
    assert entered(browser, case, chart, **{"born-year": "1901"}).status_code == 422
    assert entered(browser, case, chart).status_code == 200
    page = text_of(browser.get("/own/").text)

    assert OWN["how"] in page
    assert OWN["sent_nothing"] in page
    assert len(re.findall("<li>", browser.get("/own/").text.split("<h2>")[1])) <= 4
    for word in (chart["patient"]["family"], "Prairie", "Mercy", "pathology", "diagnos"):
        assert word not in page


def test_a_missing_form_is_what_waits_for_the_patient(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)

    page = text_of(browser.get("/own/").text)

    assert OWN["for_you"] in page
    assert "signed release form" in page
    assert OWN["nothing_to_do"] not in page


def test_the_patient_stops_and_an_open_download_is_cut_within_seconds(giving: Giving, browser: OutsideBrowser):
    chart = b.a_chart()
    packet = giving.a_packet(chart)
    entered(browser, packet.case, chart)
    stream = giving.give(packet)

    with giving.watched():
        began = time.monotonic()
        stopped = browser.post("/own/stop")
        took = time.monotonic() - began

    assert stopped.headers["location"] == "/own/"
    assert stream.is_cut
    assert took < 10  # the bound of the page is five; a busy machine may be slow
    page = text_of(browser.get("/own/").text)
    assert OWN["stopped"] in page
    assert OWN["sent_at"] in page
    assert ends(browser, packet.case) == {End.PAUSED}
    asked = [one for one in b.open_holds(browser.services, packet.case) if one.code is HoldCode.FORM_STOPPED]
    assert asked
    browser.post("/own/stop")  # twice is once
    assert len(
        [one for one in b.open_holds(browser.services, packet.case) if one.code is HoldCode.FORM_STOPPED]
    ) == len(asked)


def test_the_patient_takes_the_form_back_in_writing(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    proven(browser, case, to="take-back")
    form = browser.get("/own/take-back")

    for wrong in ({"signed": "Anna Nguyen"}, {"sure": "yes"}):
        assert browser.post("/own/take-back", {"key": form_key(form), **wrong}).status_code == 422
    assert ends(browser, case) == {None}
    done = browser.post("/own/take-back", {"key": form_key(form), "signed": "Anna Nguyen", "sure": "yes"})

    assert done.headers["location"] == "/own/"
    assert End.REVOKED in ends(browser, case)
    assert None not in ends(browser, case)
    assert OWN["taken_back"] in text_of(browser.get("/own/").text)
    process_all(browser.services)
    written = b.the_hold(browser.services, "uploaded")
    body = b"".join(desk.open_message(browser.services, written.about, actor=ANN).pieces()).decode()
    assert OWN["take_back_words"] in body
    assert "Anna Nguyen" in body


def test_what_is_sent_is_looked_at_by_a_person(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case)
    key = form_key(browser.get("/own/send"))

    sent = browser.upload("/own/send", {"key": key}, [("files", PHOTO)])
    again = browser.upload("/own/send", {"key": key}, [("files", PHOTO)])
    program = ("x.pdf", b"MZ a program", "application/pdf")
    assert browser.upload("/own/send", {"key": "k2"}, [("files", program)]).status_code == 422
    assert browser.upload("/own/send", {"key": "k2"}).status_code == 422
    process_all(browser.services)

    reference = re.findall(r"\ba[0-9a-z]{15}\b", text_of(sent.text))
    assert reference == re.findall(r"\ba[0-9a-z]{15}\b", text_of(again.text))
    asked = b.the_hold(browser.services, "uploaded")
    assert (asked.subject, [asked.about]) == (case, reference)
    assert b"".join(desk.open_message(browser.services, asked.about, actor=ANN).pieces()) == PHOTO[1]
    assert ends(browser, case) == set()  # nothing took effect


def a_photo(number: int) -> tuple[str, bytes, str]:
    return (f"{number}.jpg", PHOTO[1] + bytes([number]), "image/jpeg")


def test_a_form_that_a_browser_brought_back_sends_what_is_chosen_now(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case)
    key = form_key(browser.get("/own/send"))

    sent = [browser.upload("/own/send", {"key": key}, [("files", a_photo(number))]) for number in (1, 2, 2)]
    process_all(browser.services)

    first, second, again = (re.findall(r"\ba[0-9a-z]{15}\b", text_of(one.text)) for one in sent)
    assert first != second == again
    kept = [one.about for one in b.open_holds(browser.services, case) if one.code is HoldCode.UPLOADED]
    bodies = {b"".join(desk.open_message(browser.services, one, actor=ANN).pieces()) for one in kept}
    assert bodies == {a_photo(1)[1], a_photo(2)[1]}


def test_files_that_are_too_many_or_empty_are_told_as_that(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case)
    empty = ("files", ("form.jpg", b"", "image/jpeg"))

    many = browser.upload("/own/send", {"key": "k"}, [("files", a_photo(number)) for number in range(MAX_FILES + 1)])
    beside = browser.upload("/own/send", {"key": "k"}, [("files", a_photo(1)), empty])
    alone = browser.upload("/own/send", {"key": "k"}, [empty])
    unchosen = browser.upload("/own/send", {"key": "k"}, [("files", ("", b"", "application/octet-stream"))])
    process_all(browser.services)

    assert many.status_code == 413
    assert f"send them {MAX_FILES} at a time" in text_of(many.text)
    for one in (beside, alone):
        assert one.status_code == 422
        assert OWN["empty_files"] in text_of(one.text)
    assert OWN["needs_files"] in text_of(unchosen.text)
    assert not [one for one in b.open_holds(browser.services, case) if one.code is HoldCode.UPLOADED]


def test_who_signed_in_by_a_code_that_was_ended_sees_and_does_nothing_more(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart, CodeHolder.REFERRING_OFFICE)
    office = dict(browser.client.cookies)
    browser.client.cookies.clear()
    entered(browser, case, chart)
    proven(browser, case)

    desk.end_codes(browser.services, case, CodeHolder.PATIENT, actor=ANN)

    for path in ("/own/", "/own/send", "/own/take-back"):
        assert browser.get(path).status_code == 401
    assert browser.upload("/own/send", {"key": "k"}, [("files", PHOTO)]).status_code == 401
    assert browser.post("/own/take-back", {"key": "k", "signed": "x", "sure": "yes"}).status_code == 401
    assert ends(browser, case) == {None}
    browser.client.cookies.clear()
    browser.client.cookies.update(office)
    assert browser.get("/own/").status_code == 200  # theirs is another code
    browser.client.cookies.clear()
    assert entered(browser, case, chart).status_code == 200  # another one was given


def test_the_office_sees_and_sends_and_does_not_stop(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart, CodeHolder.REFERRING_OFFICE)

    assert "/own/stop" not in browser.get("/own/").text
    assert browser.post("/own/stop").status_code == 404
    proven(browser, case, CodeHolder.REFERRING_OFFICE)
    assert browser.get("/own/take-back").status_code == 404
    assert browser.post("/own/take-back", {"signed": "x", "sure": "yes", "key": "k"}).status_code == 404
    assert ends(browser, case) == {None}
    assert browser.get("/own/send").status_code == 200


def test_after_a_death_there_is_nothing(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    assert browser.get("/own/").status_code == 200

    with browser.services.ledger.transaction() as tx:
        tx.lock_case(case)
        holds.place(tx, case, HoldCode.PATIENT_DIED)

    assert browser.get("/own/").status_code == 404
    assert browser.post("/own/stop").status_code == 404
    assert entered(browser, case, chart).status_code == 422


def test_a_stop_needs_no_pin_and_what_is_sent_or_signed_does(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    taken = {"signed": "Anna Nguyen", "sure": "yes", "key": "k"}

    for path in ("/own/send", "/own/take-back"):
        assert 'action="/own/pin"' in browser.get(path).text
    assert browser.upload("/own/send", {"key": "k"}, [("files", PHOTO)]).status_code == 404
    assert browser.post("/own/take-back", taken).status_code == 404
    process_all(browser.services)
    assert ends(browser, case) == {None}
    assert [one for one in b.open_holds(browser.services, case) if one.code == "uploaded"] == []

    assert browser.post("/own/stop").headers["location"] == "/own/"
    assert ends(browser, case) == {End.PAUSED}


def test_a_pin_is_of_one_holder_and_one_sign_in(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    office = str(desk.give_own_pin(browser.services, case, CodeHolder.REFERRING_OFFICE, actor=ANN).fields["pin"])
    first = str(desk.give_own_pin(browser.services, case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    pin = str(desk.give_own_pin(browser.services, case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    entered(browser, case, chart)

    def typed(pin: str, to: str = "send") -> int:
        return int(browser.post("/own/pin", {"pin": pin, "to": to}).status_code)

    assert [typed(one) for one in ("", "x" * 21, office, first, f"{pin}0")] == [422] * 5
    assert typed(pin, "//evil.example") == 404
    assert typed(f" {pin[:4]} {pin[4:]} ") == 303
    assert 'action="/own/pin"' not in browser.get("/own/send").text
    browser.client.cookies.clear()
    entered(browser, case, chart)
    assert 'action="/own/pin"' in browser.get("/own/send").text
    told = str(desk.story(browser.services, case, actor=ANN))
    assert told.count("typed the PIN") == 1
    assert pin not in told
    desk.end_codes(browser.services, case, CodeHolder.PATIENT, actor=ANN)
    entered(browser, case, chart)
    assert typed(pin) == 422


def test_another_pin_is_typed_by_who_typed_the_one_before(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    proven(browser, case)
    desk.give_own_pin(browser.services, case, CodeHolder.REFERRING_OFFICE, actor=ANN)
    assert 'action="/own/pin"' not in browser.get("/own/send").text

    desk.give_own_pin(browser.services, case, CodeHolder.PATIENT, actor=ANN)

    assert 'action="/own/pin"' in browser.get("/own/send").text
    assert browser.upload("/own/send", {"key": "k"}, [("files", PHOTO)]).status_code == 404
    proven(browser, case)
    assert browser.upload("/own/send", {"key": "k"}, [("files", PHOTO)]).status_code == 200


def test_after_ten_wrong_pins_none_works_and_a_person_is_asked(browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    pin = str(desk.give_own_pin(browser.services, case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    entered(browser, case, chart)
    wrong = "00000000" if pin != "00000000" else "00000001"

    for _ in range(MOST_WRONG_PINS):
        assert browser.post("/own/pin", {"pin": wrong, "to": "send"}).status_code == 422

    assert browser.post("/own/pin", {"pin": pin, "to": "send"}).status_code == 422
    asked = [one for one in b.open_holds(browser.services, case) if one.code is HoldCode.LETTER_CODE_TRIED]
    assert [one.about for one in asked] == [CodeHolder.PATIENT]
    assert browser.post("/own/stop").status_code == 303  # it needs none
    proven(browser, case)  # another one was told


def taking_electronic(browser: OutsideBrowser, giving: Giving, *takers: str) -> OutsideBrowser:
    """The same browser before institutions of which these take a form that was signed at our page."""
    known = [
        one.model_copy(update={"takes_electronic_signatures": one.id in takers})
        for one in browser.services.institutions.values()
    ]
    return OutsideBrowser(replace(browser.services, institutions=Institutions(known)), giving.outgoing)


def scan_text(body: bytes) -> str:
    """What a form that was stored says on its pages."""
    with zipfile.ZipFile(io.BytesIO(body)) as bundle:
        (pdf,) = [content for name in bundle.namelist() if (content := bundle.read(name)).startswith(b"%PDF")]
    pages = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_bounded() for page in pages).split())


def test_the_patient_signs_at_the_page_and_it_holds_for_those_who_take_that(
    giving: Giving, browser: OutsideBrowser, hours_pass
):
    chart = b.a_chart()
    browser = taking_electronic(browser, giving, b.LAKESIDE, b.MERCY)
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    assert '"/own/sign"' in browser.get("/own/").text
    assert 'action="/own/pin"' in browser.get("/own/sign").text
    assert browser.post("/own/sign", {"signed": "x", "sure": "yes"}).status_code == 404
    proven(browser, case, to="sign")
    who = chart["patient"]
    name = " ".join((*who["given"], who["family"]))
    form = text_of(browser.get("/own/sign").text)
    assert "Lakeside Oncology, Mercy Imaging" in form
    assert "Prairie" not in form
    said = ("form_revoke", "form_condition", "form_redisclose", "form_special", "form_kind", "form_kept", "form_more")
    assert all(form.index(OWN[one]) < form.index(OWN["sign"]) for one in said)
    assert form.index("Lakeside Oncology") < form.index(OWN["sign"])

    for wrong in ({"signed": name}, {"sure": "yes"}, {"signed": "Somebody Else", "sure": "yes"}):
        assert browser.post("/own/sign", wrong).status_code == 422
    assert ends(browser, case) == set()
    signed = browser.post("/own/sign", {"signed": name.lower(), "sure": "yes"})
    hours_pass(timedelta(minutes=2))
    browser.post("/own/sign", {"signed": name.lower(), "sure": "yes"})  # sent twice

    copy = text_of(signed.text)
    assert OWN["form_signed"] in copy
    assert f"{OWN['form_by_you']} {name.lower()}" in copy
    assert all(one in copy for one in ("Lakeside Oncology, Mercy Imaging", OWN["form_revoke"], OWN["form_kind"]))
    assert ends(browser, case) == {None}
    with browser.services.ledger.transaction() as tx:
        patient = b.patient_of(browser.services, case)
        (filed,) = permissions.filed(tx, patient)
        (fact,) = [one.fact for one in tx.lines(Chain.patient(patient)) if isinstance(one.fact, facts.PaperFormEntered)]
    assert filed.permission.form.provision.disclosers == {b.LAKESIDE, b.MERCY}
    assert filed.permission.form.signed_by == "patient"
    assert fact.signature == "electronic"
    assert str(fact.looked_at_by).startswith("letter-")
    process_all(browser.services)
    assert b.request_to(browser.services, case, b.LAKESIDE).state is not RequestState.NOT_PERMITTED
    assert b.request_to(browser.services, case, b.PRAIRIE).state is RequestState.NOT_PERMITTED
    body = b"".join(desk.open_message(browser.services, filed.arrival, actor=ANN).pieces())
    pages = scan_text(body)
    for words in (name.lower(), OWN["form_tick"], OWN["form_kind"], OWN["form_more"], "testclient", "a PIN told by"):
        assert words in pages
    assert re.search(r"Date and time \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+ \(UTC[-+]\d{4}\)", pages)


def test_where_nobody_takes_such_a_form_there_is_none_to_sign(giving: Giving, browser: OutsideBrowser):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case)
    assert '"/own/sign"' not in browser.get("/own/").text
    assert browser.get("/own/sign").status_code == 404
    assert browser.post("/own/sign", {"signed": "x", "sure": "yes"}).status_code == 404

    office = taking_electronic(browser, giving, b.LAKESIDE)
    entered(office, case, chart, CodeHolder.REFERRING_OFFICE)
    proven(office, case, CodeHolder.REFERRING_OFFICE)
    assert '"/own/sign"' not in office.get("/own/").text
    assert office.get("/own/sign").status_code == 404


@pytest.mark.parametrize(
    "typed", ["Thaddeus Odonnell Munoz", "MUÑOZ–O’DONNELL, Thaddeus J.", "Thaddeus O'Donnell-Munoz"]
)
def test_a_name_is_the_patient_s_however_a_telephone_types_it(giving: Giving, browser: OutsideBrowser, typed: str):
    chart = b.a_chart()
    chart["patient"] |= {"family": "O'Donnell-Muñoz", "given": ["Thaddeus"]}
    browser = taking_electronic(browser, giving, b.LAKESIDE)
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case, to="sign")

    assert browser.post("/own/sign", {"signed": "Thaddeus Munoz", "sure": "yes"}).status_code == 422
    assert browser.post("/own/sign", {"signed": typed, "sure": "yes"}).status_code == 200


@pytest.mark.parametrize("how", ["stop", "take-back"])
def test_who_ends_a_form_and_signs_again_has_signed_another(giving: Giving, browser: OutsideBrowser, how: str):
    chart = b.a_chart()
    browser = taking_electronic(browser, giving, b.LAKESIDE, b.MERCY, b.PRAIRIE)
    case = b.a_case(browser.services, chart, form=False)
    entered(browser, case, chart)
    proven(browser, case, to="sign")
    name = " ".join((*chart["patient"]["given"], chart["patient"]["family"]))
    signed = {"signed": name, "sure": "yes"}
    browser.post("/own/sign", signed)
    process_all(browser.services)
    browser.post(f"/own/{how}", {"key": "k"} | signed)
    process_all(browser.services)
    assert None not in ends(browser, case)

    for _ in range(2):  # twice is once
        assert OWN["form_signed_stopped"] in text_of(browser.post("/own/sign", signed).text)
    process_all(browser.services)

    with browser.services.ledger.transaction() as tx:
        filed = permissions.filed(tx, b.patient_of(browser.services, case))
    live = [one.id for one in filed if one.ended is None]
    assert len(live) == 1
    assert stops(browser, case) & {one.id for one in filed}  # somebody is asked whether it goes on


def test_a_page_that_a_browser_brought_back_takes_back_what_was_signed_since(giving: Giving, browser: OutsideBrowser):
    chart = b.a_chart()
    browser = taking_electronic(browser, giving, b.LAKESIDE, b.MERCY, b.PRAIRIE)
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    proven(browser, case, to="take-back")
    name = " ".join((*chart["patient"]["given"], chart["patient"]["family"]))
    back = {"key": form_key(browser.get("/own/take-back")), "signed": name, "sure": "yes"}
    for _ in range(2):  # twice is one writing
        browser.post("/own/take-back", back)
    process_all(browser.services)
    assert len([one for one in b.open_holds(browser.services, case) if one.code is HoldCode.UPLOADED]) == 1
    browser.post("/own/sign", {"signed": name, "sure": "yes"})
    process_all(browser.services)
    assert None in ends(browser, case)

    browser.post("/own/take-back", back)

    assert None not in ends(browser, case)


def test_a_page_that_a_browser_brought_back_stops_what_went_on_since(browser: OutsideBrowser):
    """By mistake, as what rests on no form."""
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    proven(browser, case, to="take-back")
    back = {"key": "k", "signed": "Pat Example", "sure": "yes"}
    browser.post("/own/take-back", back)
    desk.resume_everything(browser.services, case, actor=ANN)
    assert End.PAUSED not in ends(browser, case)

    browser.post("/own/take-back", back)

    assert End.PAUSED in ends(browser, case)


@pytest.mark.parametrize("how", ["stop", "take-back"])
def test_who_signs_after_a_stop_is_told_that_nothing_goes_and_somebody_is_asked(
    giving: Giving, browser: OutsideBrowser, how: str
):
    """Whatever else was asked about is answered before."""
    chart = b.a_chart()
    browser = taking_electronic(browser, giving, b.LAKESIDE, b.MERCY, b.PRAIRIE)
    case = b.a_case(browser.services, chart)
    entered(browser, case, chart)
    proven(browser, case, to="sign")
    name = " ".join((*chart["patient"]["given"], chart["patient"]["family"]))
    if how == "stop":
        browser.post("/own/stop")
    else:
        key = form_key(browser.get("/own/take-back"))
        browser.post("/own/take-back", {"key": key, "signed": name, "sure": "yes"})
    process_all(browser.services)
    for code, answer in (("uploaded", HoldAnswer.SEEN), ("confirm-purge", HoldAnswer.KEEP)):
        for one in [found for found in b.open_holds(browser.services, case) if found.code == code]:
            desk.resolve(browser.services, one.id, answer, actor=ANN)

    signed = text_of(browser.post("/own/sign", {"signed": name, "sure": "yes"}).text)
    process_all(browser.services)

    assert OWN["form_signed_stopped"] in signed
    assert OWN["form_signed"] not in signed
    assert OWN["stopped"] in text_of(browser.get("/own/").text)
    assert b.request_to(browser.services, case, b.MERCY).state is RequestState.NOT_PERMITTED
    for one in stops(browser, case):
        (hold,) = [found for found in b.open_holds(browser.services, case) if found.about == one]
        desk.resolve(browser.services, hold.id, HoldAnswer.RESUME, actor=ANN)
    process_all(browser.services)
    assert OWN["stopped"] not in text_of(browser.get("/own/").text)
    assert b.request_to(browser.services, case, b.MERCY).state is not RequestState.NOT_PERMITTED
