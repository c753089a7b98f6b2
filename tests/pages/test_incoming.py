"""Incoming on pages: a file is brought in, taken, and its pages become records or are left out."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.papers import a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.incoming import LARGEST
from transfer.ledger import records
from transfer.pages.forms import TOKEN
from transfer.rights import Role

pytestmark = pytest.mark.servers


def sent(browser: Desk, body: bytes):
    """A file is sent by the form of the page. Its name is somebody's who sends it."""
    return browser.send("/desk/incoming/upload", file=body)


def a_paper(browser: Desk, pages: int = 6) -> str:
    """The path of a paper that was brought in and taken."""
    assert sent(browser, a_pdf(pages)).status_code == 303
    page = browser.get("/desk/incoming").text
    path = page.split('href="/desk/incoming/f')[1].split('"')[0]
    assert browser.post(f"/desk/incoming/f{path}/take").status_code == 303
    return f"/desk/incoming/f{path}"


def test_a_file_is_brought_in_and_its_name_is_kept_nowhere(browser: Desk):
    path = a_paper(browser)

    page = browser.get("/desk/incoming")
    assert "O'Donnell" not in page.text + browser.get(path).text
    assert "to index" in text_of(page.text)
    assert "Ann" in text_of(page.text)


def test_a_paper_is_taken_from_the_list_by_who_may_see_its_pages(browser: Desk):
    sent(browser, a_pdf(2))
    assert "/take" in browser.get("/desk/incoming").text
    browser.sign_in(Role.CLERK)
    assert "/take" not in browser.get("/desk/incoming").text


def test_a_paper_is_found_behind_a_hundred_others(browser: Desk):
    first = a_paper(browser, 1)
    with browser.services.ledger.transaction() as tx:
        tx.run(
            """INSERT INTO incoming (incoming, line, received_at, dedupe, content_type, state, picture_sizes)
               SELECT 'f' || lpad(n::text, 15, '0'), 'upload', transfer.now(), n::text::bytea, 'application/pdf',
                 CASE WHEN n > 60 THEN 'done' ELSE 'waiting' END, '{1}' FROM generate_series(1, 101) AS n"""
        )

    assert browser.get(first).status_code == 200
    waiting, rest, everything = (
        browser.get(f"/desk/incoming{query}").text for query in ("", "?page=2", "?all=1&page=3")
    )
    assert [page.count(first) for page in (waiting, rest, everything)] == [1, 0, 1], "the oldest, by both orders"
    assert "Page 1 of 2, 61 in all" in text_of(waiting)
    assert "/desk/incoming?page=2" in waiting
    assert [page.count('<tr><th scope="row">') for page in (waiting, rest, everything)] == [50, 11, 2]
    assert "There is no such page" in browser.get("/desk/incoming?page=9").text


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 403, "is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", 403, "Save it as PDF, TIFF, JPEG or PNG"),
        (b"<script>alert(1)</script>", 403, "none of PDF, TIFF, JPEG and PNG"),
        (b"%PDF-1.4 " + bytes(LARGEST + (1 << 20)), 413, "At most 64 MiB"),
    ],
    ids=["empty", "heic", "script", "too large"],
)
def test_what_is_no_paper_is_refused_with_what_to_do(browser: Desk, body: bytes, status: int, says: str):
    answer = sent(browser, body)

    assert (answer.status_code, says in text_of(answer.text)) == (status, True)
    assert "No paper waits" in text_of(browser.get("/desk/incoming").text)


def test_a_file_of_another_session_or_no_form_is_not_taken(browser: Desk):
    assert browser.send("/desk/incoming/upload", {TOKEN: "another"}, file=a_pdf(1)).status_code == 403
    assert browser.post("/desk/incoming/upload", {"file": "words"}).status_code == 415
    answer = browser.client.post(
        "/desk/incoming/upload", content=b"--x\r\nno", headers={"content-type": "multipart/form-data; boundary=y"}
    )
    assert answer.status_code in (400, 403)
    assert "No paper waits" in text_of(browser.get("/desk/incoming").text)


def test_pages_are_shown_to_whoever_took_the_paper(browser: Desk):
    path = a_paper(browser)

    picture = browser.get(f"{path}/pages/1")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert browser.get(f"{path}/original").headers["content-disposition"].startswith("attachment")
    assert browser.get(f"{path}/pages/7").status_code == browser.get(f"{path}/pages/x").status_code == 404

    other = Desk(browser.services)
    other.sign_in(Role.OFFICER, person=a_person("ben", "Ben Example"))
    assert "<img" not in other.get(path).text
    assert other.get(f"{path}/pages/1").status_code == 403
    assert other.get(f"{path}/original").status_code == 403


def test_a_clerk_brings_papers_in_and_sees_no_page(browser: Desk):
    path = a_paper(browser)
    clerk = Desk(browser.services)
    clerk.sign_in(Role.CLERK, person=a_person("ben", "Ben Example"))

    assert sent(clerk, a_pdf(1)).status_code == 303
    assert clerk.get("/desk/incoming").status_code == 200
    assert clerk.get(path).status_code == clerk.post(f"{path}/take").status_code == 403


def test_pages_become_a_record_and_the_rest_is_left(browser: Desk):
    chart = b.a_chart()
    case, path = b.a_case(browser.services, chart), a_paper(browser)

    found = browser.post(f"{path}/find", {"name": chart["patient"]["family"], "born": "", "number": ""})
    assert f"{path}/cases/{case}" in found.text, text_of(found.text)
    fields = {"first": "1", "last": "4", "kind": "note", "day": "5/12/2026", "institution": b.LAKESIDE, "turn": "0"}
    answer = browser.post(f"{path}/cases/{case}", fields)
    process_all(browser.services)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/cases/{case}?from={b.LAKESIDE}")
    page = browser.get(answer.headers["location"])
    assert "To index: 5-6 of 6 pages" in text_of(page.text)
    assert 'value="5"' in page.text  # the next page stands there already
    assert chart["patient"]["family"] in page.text.split("</title>")[1]
    assert chart["patient"]["family"] not in page.text.split("</title>")[0]
    with browser.services.ledger.transaction() as tx:
        (kept,) = [one for one, _ in records.joined(tx, case)]
    assert str(kept.about.day) == "2026-05-12"


def test_what_is_outstanding_is_offered_first_and_pages_answer_the_line_that_is_chosen(browser: Desk):
    case, path = b.a_case(browser.services), a_paper(browser)
    desk.change(browser.services, case, checklist="prostate", actor=ANN)

    page = browser.get(f"{path}/cases/{case}").text
    assert page.index("PSA, every value with its date") < page.index('<option value="laboratory">')
    assert page.index('<option value="laboratory">') < page.index("Testosterone")
    assert "Glass" not in page

    fields = {"first": "1", "last": "", "day": "5/12/2026", "institution": b.LAKESIDE, "turn": "0"}
    assert browser.post(f"{path}/cases/{case}", {**fields, "kind": "laboratory:psa-history"}).status_code == 303
    process_all(browser.services)
    with browser.services.ledger.transaction() as tx:
        assert [one.answers for one, _ in records.joined(tx, case)] == [{"psa-history"}]
    assert browser.post(f"{path}/cases/{case}", {**fields, "kind": "laboratory:slides"}).status_code == 403


def test_the_last_pages_lead_back_to_the_list(browser: Desk):
    case, path = b.a_case(browser.services), a_paper(browser)
    assert browser.post(f"{path}/leave-out", {"first": "1-2", "became": "left-out"}).status_code == 303

    fields = {"first": "3-6", "last": "", "kind": "note", "day": "", "institution": b.LAKESIDE, "turn": "90"}
    answer = browser.post(f"{path}/cases/{case}", fields)

    assert answer.headers["location"] == "/desk/incoming"
    assert "No paper waits" in text_of(browser.get("/desk/incoming").text)
    assert "1-2: left out" in text_of(browser.get("/desk/incoming?all=1").text)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("first", "", "Write which pages"),
        ("kind", "", "Choose what it is"),
        ("kind", "images", "Choose what it is"),
        ("institution", "nobody", "Choose who wrote it"),
        ("day", "2026/13/45", "A day as 5/12/2026"),
        ("day", "13/45/2026", "A day as 5/12/2026"),
        ("turn", "45", "Choose how the pages lie"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(browser: Desk, field: str, value: str, says: str):
    case, path = b.a_case(browser.services), a_paper(browser)
    fields = {"first": "1", "last": "2", "kind": "note", "day": "2026", "institution": b.LAKESIDE, "turn": "0"}

    page = browser.post(f"{path}/cases/{case}", {**fields, field: value})

    assert page.status_code == 422
    assert says in text_of(page.text)
    assert 'value="2"' in page.text


def test_how_misdirected_pages_went_back_is_written_down(browser: Desk):
    path = a_paper(browser)
    browser.post(f"{path}/leave-out", {"first": "1", "became": "misdirected"})
    assert "Write down how" in text_of(browser.get(path).text)
    assert f"{path}/sent-back" in browser.get("/desk/incoming").text

    day = {"on-month": "", "on-day": "", "on-year": ""}
    assert "pages 1 of 6" in text_of(browser.get(f"{path}/sent-back").text)
    assert browser.post(f"{path}/sent-back", day).status_code == 422
    assert browser.post(f"{path}/sent-back", {**day, "how": "fax", "on-day": "40"}).status_code == 422
    answer = browser.post(f"{path}/sent-back", {**day, "how": "shredded"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/incoming")
    page = text_of(browser.get("/desk/incoming").text)
    assert "went back: shredded" in page
    assert "Write down how" not in page
    browser.sign_in(Role.CLERK)
    assert browser.get(f"{path}/sent-back").status_code == 403


def test_misdirected_pages_are_said_to_be(browser: Desk):
    path = a_paper(browser)

    assert browser.post(f"{path}/leave-out", {"first": "", "became": ""}).status_code == 422
    assert browser.post(f"{path}/leave-out", {"first": "all", "became": "misdirected"}).status_code == 303

    assert "1-6: misdirected" in text_of(browser.get("/desk/incoming?all=1").text)
