"""Outside slides on pages: from the courier's number to the way back."""

import re
from dataclasses import replace
from datetime import date

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.letter_posts import a_post
from tests.kit.letters import OFFICE
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.ledger import materials
from transfer.parcels import Carrier
from transfer.rights import Role
from transfer.sentences.trade import day_words

pytestmark = pytest.mark.servers

NUMBER = "1Z999AA10123456784"


@pytest.fixture
def chart() -> b.Chart:
    return b.a_chart()


@pytest.fixture
def browser(services) -> Desk:
    found = Desk(services)
    found.sign_in(Role.CLERK)
    return found


@pytest.fixture
def case(services, chart):
    """Its report is here, with the accession number."""
    made = b.a_case(services, chart)
    b.report_comes(services, chart)
    return made


def accession_of(chart) -> str:
    return chart["pathology"]["accession"]["value"]


def a_parcel(browser: Desk, number: str = NUMBER) -> str:
    sent = {"number": number, "carrier": Carrier.UPS, "condition": "good", "shelf": "A12"}
    return browser.post("/desk/packages/new", sent).headers["location"]


def test_a_courier_s_number_leads_to_its_parcel_or_to_taking_it_in(browser: Desk):
    new = browser.post("/desk/packages", {"scan": f"]C1{NUMBER}"})
    assert 'value="ups" checked' in new.text

    parcel = a_parcel(browser)

    assert browser.post("/desk/packages", {"scan": NUMBER}).headers["location"] == parcel
    assert "nothing logged in" in text_of(browser.get("/desk/packages").text)
    assert browser.post("/desk/packages", {"scan": parcel.rpartition("/")[2].upper()}).headers["location"] == parcel
    assert browser.post("/desk/packages", {"scan": " "}).status_code == 422
    assert browser.post("/desk/packages/new", {"number": NUMBER}).status_code == 422


def test_the_first_enter_of_a_reader_logs_nothing_in(browser: Desk, services, case, chart):
    parcel = a_parcel(browser)

    page = browser.post(parcel, {"accession": f"]C1{accession_of(chart)}"})

    assert page.status_code == 200
    assert chart["patient"]["family"] in text_of(page.text)
    assert re.search(rf'value="{case} prairie-pathology" checked', page.text)
    assert not any(one.received for one in verbs.dossier(services, case, actor=ANN).materials)
    assert accession_of(chart) not in page.text.split("</title>")[0]


def test_the_parts_that_labels_name_are_kept_and_what_is_none_is_refused(browser: Desk, services, case, chart):
    sent = {
        "accession": accession_of(chart),
        "whose": f"{case} prairie-pathology",
        "labels": "agree",
        "count-slide": "6",
    }
    parcel = a_parcel(browser)

    assert browser.post(parcel, {**sent, "parts": "S25-10071"}).status_code == 422
    assert browser.post(parcel, {**sent, "parts": "a1, B"}).status_code == 303

    with services.ledger.transaction() as tx:
        (kept,) = [one for one in materials.of_case(tx, case, b.patient_of(services, case)) if one.label]
    assert kept.label.parts == ("A", "B")


def test_slides_and_blocks_are_logged_in_with_their_labels_and_report(browser: Desk, services, case, chart):
    parcel = a_parcel(browser)
    sent = {
        "accession": accession_of(chart),
        "whose": f"{case} prairie-pathology",
        "count-slide": "12",
        "count-block": "2",
        "list-slide": "12",
        "labels": "agree",
        "papers": "report",
        "ours": "OS26-1",
    }

    done = browser.post(parcel, sent)

    assert done.headers["location"] == parcel
    shown = text_of(browser.get(parcel).text)
    assert "12 of 12" in shown
    assert "ours: OS26-1" in shown
    for sheet in ("tray", "receipt"):
        printed = browser.get(f"{parcel}/{sheet}")
        assert printed.status_code == 200
        assert "<svg" in printed.text
    assert f"born {day_words(date.fromisoformat(chart['patient']['birth_date']))}" in browser.get(f"{parcel}/tray").text
    receipt = browser.get(f"{parcel}/receipt").text
    assert chart["patient"]["family"] not in receipt
    assert "12 slides, stained, from Prairie Pathology" in text_of(receipt)
    assert "Received by Ann Example" in text_of(receipt)
    assert OFFICE.name not in receipt  # nobody said who signs letters here

    written_from = Desk(replace(services, letter_post=a_post()))
    written_from.sign_in(Role.OFFICER)
    assert f"{OFFICE.name}, {OFFICE.contact.telephone}" in text_of(written_from.get(f"{parcel}/receipt").text)
    assert "Ann Example" in text_of(browser.get("/desk/packages").text.partition("Logged in lately")[2])


def test_a_list_that_says_as_many_is_one_tick(browser: Desk, services, case, chart):
    parcel = a_parcel(browser)
    sent = {"accession": accession_of(chart), "whose": f"{case} prairie-pathology", "labels": "agree"}

    browser.post(parcel, {**sent, "count-slide": "9", "papers": "list"})

    (slides,) = [one for one in verbs.dossier(services, case, actor=ANN).materials if one.pieces == "slide"]
    assert (slides.received, slides.expected) == (9, 9)


def test_without_counts_or_of_nobody_nothing_is_logged_in(browser: Desk, services, case, chart):
    parcel, whose = a_parcel(browser), f"{case} prairie-pathology"
    sent = {"accession": accession_of(chart), "whose": whose, "labels": "agree"}

    assert browser.post(parcel, sent).status_code == 200
    assert browser.post(parcel, {**sent, "count-slide": "many"}).status_code == 422
    assert browser.post(parcel, {**sent, "count-slide": "6", "whose": "nobody"}).status_code == 422
    assert browser.post(parcel, {**sent, "count-slide": "6", "labels": "?"}).status_code == 422
    assert browser.post(parcel, {"accession": ""}).status_code == 422
    assert "stays listed" in text_of(browser.post(parcel, {"accession": "S99-1"}).text)
    assert not any(one.received for one in verbs.dossier(services, case, actor=ANN).materials)


def test_another_accession_is_asked_about_and_then_counted_apart(browser: Desk, services, case, chart):
    parcel = a_parcel(browser)
    sent = {"whose": f"{case} prairie-pathology", "labels": "agree", "count-slide": "6"}
    browser.post(parcel, {**sent, "accession": accession_of(chart)})

    asked = browser.post(parcel, {**sent, "accession": "S25-20082", "name": chart["patient"]["family"]})
    done = browser.post(parcel, {**sent, "accession": "S25-20082", "another": "yes"})

    assert asked.status_code == 422
    assert 'name="another"' in asked.text
    assert done.headers["location"] == parcel


def test_ten_of_eleven_is_a_link_in_to_do_that_says_whom_to_call(browser: Desk, services, case, chart):
    sent = {"whose": f"{case} prairie-pathology", "labels": "agree", "count-slide": "10", "list-slide": "11"}
    browser.post(a_parcel(browser), {**sent, "accession": accession_of(chart)})

    page = browser.get("/desk/decisions").text

    assert "10 of 11 slides were received" in text_of(page)
    (link,) = re.findall(r"/desk/pieces/[a-z0-9]+/[a-z0-9]+", page)
    assert "Call their slide file" in text_of(browser.get(link).text)


def test_slides_that_are_too_few_are_told_before_the_packet_without_them_on_today_and_on_the_request(
    browser: Desk, services, chart
):
    case = b.a_case_without_slides(services, chart)
    b.report_comes(services, chart)
    sent = {"whose": f"{case} prairie-pathology", "labels": "agree", "count-slide": "10", "list-slide": "11"}
    browser.post(a_parcel(browser), {**sent, "accession": accession_of(chart)})

    row = text_of(browser.get("/desk/").text).partition("Only we can move these")[2].partition("Clinics")[0]
    page = browser.get(f"/desk/cases/{case}").text
    to_do = page.partition("<h2>To do</h2>")[2].partition("</ul>")[0]

    assert row.index("Call the laboratory") < row.index("Approve a partial packet")
    assert text_of(to_do).index("10 of 11 slides were received") < text_of(to_do).index("Approve a partial packet")
    assert f'href="/desk/pieces/{case}/' in to_do


def test_a_loan_is_judged_kept_given_back_and_received_by_its_lender(browser: Desk, services, case, chart):
    sent = {"whose": f"{case} prairie-pathology", "labels": "agree", "count-slide": "10", "list-slide": "11"}
    browser.post(a_parcel(browser), {**sent, "accession": accession_of(chart)})
    (link,) = set(re.findall(r"/desk/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/desk/loans").text))
    year = verbs.list_loans(services, actor=ANN)[0].due_back.year + 1

    assert browser.post(f"{link}/judge", {"said": "need-unstained", "number-needed": "0"}).status_code == 422
    assert browser.post(f"{link}/judge", {"said": "need-unstained", "number-needed": "10"}).headers["location"] == link
    wanted = next(one for one in verbs.dossier(services, case, actor=ANN).materials if one.pieces == "unstained")
    assert browser.post(f"/desk/pieces/{case}/{wanted.material}/ask").status_code == 303
    assert browser.post(f"{link}/keep", {}).status_code == 422
    assert browser.post(f"{link}/keep", {"until-year": str(year), "until-month": "1", "until-day": "31"}).is_redirect
    assert accession_of(chart) in browser.get(f"{link}/label").text
    assert browser.post(f"{link}/return", {}).status_code == 422
    assert browser.post(f"{link}/return", {"carrier": "fedex", "number": "771234567890"}).is_redirect
    assert "771234567890" in browser.get(link).text
    sheet = browser.post("/desk/packages", {"scan": link.rpartition("/")[2].upper()})
    assert sheet.headers["location"] == link
    assert browser.post(f"{link}/returned").is_redirect
    assert "Nothing is lent" in text_of(browser.get("/desk/loans").text)
    assert browser.post(f"{link}/return", {"carrier": "fedex"}).status_code == 403


def test_a_count_links_to_its_pieces_and_says_where_each_is(browser: Desk, services, case, chart):
    sent = {"whose": f"{case} prairie-pathology", "labels": "agree", "count-slide": "2"}
    browser.post(a_parcel(browser), {**sent, "accession": accession_of(chart)})
    (link,) = set(re.findall(r"/desk/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/desk/loans").text))

    assert browser.post(f"{link}/piece", {"label": ""}).status_code == 422
    said = {"label": "A1-1", "block": "A1", "stain": "HE", "place": "Shelf 2"}
    assert browser.post(f"{link}/piece", said).headers["location"] == link

    shown = text_of(browser.get(link).text)
    assert "Piece by piece: 1 of 2 described" in shown
    assert "A1-1 A1 HE Shelf 2" in " ".join(shown.split())
    assert link in browser.get(f"/desk/cases/{case}").text
