"""Of two patients one has a record of a category that no form names. Nobody of outside can tell, at any moment: the
pages of the center, of the source, of the patient and of the referring office are the same bytes.
"""

import itertools
import re
from collections.abc import Iterator
from datetime import date
from html import escape
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.center_by_pages import by_pages
from tests.kit.open_streams import Giving
from tests.kit.outside_client import SUMMIT, OutsideBrowser, invited
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.flow import desk
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import Outsider
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart
from transfer.sentences.trade import day_words

pytestmark = pytest.mark.servers

#: what differs between any two patients, besides their names: keys of forms, numbers, times, sizes
_OF_EACH = r'value="[^"]*"|your number \S+|\d\d:\d\d \w+|needed by[^\n]*|[\d,]+ bytes'

_HOSTS = itertools.count(1)


@pytest.fixture
def giving(ledger: Ledger, migrated: Any) -> Iterator[Giving]:
    """The center has no endpoint."""
    giving = Giving(by_pages(b.new_services(ledger), SUMMIT), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


class Seen:
    """One patient, as each of the four sees the case."""

    def __init__(self, giving: Giving) -> None:
        self.giving, self.services, self.chart = giving, giving.services, b.a_chart()
        self.case = b.a_case(self.services, self.chart)
        self.request = b.request_to(self.services, self.case, b.PRAIRIE).id
        self.reply_code = str(desk.give_reply_code(self.services, self.request, actor=ANN).fields["code"])

    def everything(self) -> dict[str, str]:
        shown = self.to_center() | self.to_source()
        for holder in (CodeHolder.PATIENT, CodeHolder.REFERRING_OFFICE):
            shown |= self.to_own(holder)
        return {name: self.without_names(page) for name, page in shown.items()}

    def to_center(self) -> dict[str, str]:
        browser = OutsideBrowser(self.services, self.giving.outgoing)
        browser.sign_in()
        rows = re.findall(r"(?s)<tr>.*?</tr>", browser.get("/c/").text)
        shown = {"row": "".join(one for one in rows if self.case in one)}
        for packet in (f"/c/packets/{self.case}-p{number}" for number in (1, 2)):
            for page in ("", "/more", "/no-case", "/words", "/report"):
                answer = browser.get(packet + page)
                shown[packet[-3:] + page] = f"{answer.status_code} {answer.text}"
        return shown | {path: browser.get(path).text for path in ("/c/slides", "/c/loans")}

    def to_source(self) -> dict[str, str]:
        browser = self.opened("/r/", self.reply_code, Outsider.SOURCE)
        path = f"/r/requests/{self.request}"
        paths = ("", "/sent", "/receipt", "/answer/records", "/answer/already-sent", "/answer/not-accepted")
        answers = {one: browser.get(path + one) for one in paths}
        return {f"/r{one}": f"{answer.status_code} {answer.text}" for one, answer in answers.items()} | {
            "/r/": browser.get("/r/").text
        }

    def to_own(self, holder: CodeHolder) -> dict[str, str]:
        browser = self.as_own(holder)
        pin = str(desk.give_own_pin(self.services, self.case, holder, actor=ANN).fields["pin"])
        shown = {f"{holder} before": browser.get("/own/").text}
        browser.post("/own/pin", {"pin": pin, "to": "send"})
        return shown | {f"{holder} {one}": browser.get(one).text for one in ("/own/", "/own/send", "/own/take-back")}

    def as_own(self, holder: CodeHolder) -> OutsideBrowser:
        code = str(desk.give_own_code(self.services, self.case, holder, actor=ANN).fields["code"])
        return self.opened("/own/", code, Outsider.OWN)

    def opened(self, home: str, code: str, kind: Outsider) -> OutsideBrowser:
        # tries are counted by the address they come from
        browser = OutsideBrowser(self.services, self.giving.outgoing, host=f"10.0.0.{next(_HOSTS)}")
        browser.kind = kind
        year, month, day = self.chart["patient"]["birth_date"].split("-")
        fields = {"code": code, "born-year": year, "born-month": month, "born-day": day}
        assert browser.post(f"{home}open", fields).status_code == 200
        return browser

    def without_names(self, page: str) -> str:
        who = self.chart["patient"]
        born = date.fromisoformat(who["birth_date"])
        for name in (who["family"], *who["given"], self.request, self.case, day_words(born), f"{born:%-d %b %Y}"):
            page = page.replace(escape(name), "…")
        return re.sub(_OF_EACH, "", page, flags=re.IGNORECASE)

    def declines(self) -> None:
        browser = OutsideBrowser(self.services, self.giving.outgoing)
        browser.sign_in()
        where = f"/c/packets/{self.case}-p1"
        assert browser.post(f"{where}/words", {"question": "Which block?"}).status_code == 303
        assert browser.post(f"{where}/more", {"reasons": "unreadable"}).status_code == 303

    def stops(self) -> None:
        with self.giving.watched():
            self.as_own(CodeHolder.PATIENT).post("/own/stop")


def all_of_category(chart: Chart) -> bytes:
    """The laboratory's report, with ARV-3 in all of it (v2.9, 3.4.15): HIV."""
    return b.report_of(chart).rstrip(b"\r") + b"\rARV|1|A|HIV\r"


def answered(giving: Giving, code: HoldCode, answer: HoldAnswer) -> None:
    for one in [found for found in b.open_holds(giving.services) if found.code is code]:
        desk.resolve(giving.services, one.id, answer, actor=ANN)
    process_all(giving.services)


def come(giving: Giving, cases: list[CaseId], *kinds: RecordKind, content: bytes = b"") -> None:
    for case in cases:
        for kind in kinds:
            b.came_in(giving.services, case, kind, content=content)
    process_all(giving.services)


def test_nobody_of_outside_can_tell_at_any_moment_that_something_is_withheld(giving: Giving):
    invited(giving.services)
    plain, withheld = Seen(giving), Seen(giving)
    both, moments = [plain.case, withheld.case], []

    def now_is(moment: str) -> None:
        moments.append((moment, plain.everything(), withheld.everything()))

    body = all_of_category(withheld.chart)
    b.comes(giving.services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(giving.services)
    now_is("came")
    come(giving, both, RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES)
    answered(giving, HoldCode.APPROVE_PARTIAL, HoldAnswer.APPROVE)
    now_is("sent")
    plain.declines()
    withheld.declines()
    process_all(giving.services)
    now_is("declined")
    answered(giving, HoldCode.PACKET_DECLINED, HoldAnswer.AGAIN)
    come(giving, both, RecordKind.NOTE, content=b"the same note, to be read now")
    answered(giving, HoldCode.APPROVE_PARTIAL, HoldAnswer.APPROVE)
    now_is("sent again")
    plain.stops()
    withheld.stops()
    process_all(giving.services)
    now_is("stopped")
    answered(giving, HoldCode.FORM_STOPPED, HoldAnswer.RESUME)
    now_is("goes on")

    held = {one.subject for one in b.open_holds(giving.services) if one.code is HoldCode.RECORDS_NOT_COVERED}
    assert held == {withheld.case}
    seen = {moment: {name for name, page in pages.items() if page.startswith("200")} for moment, pages, _ in moments}
    everywhere = {"/r", "/r/receipt"}
    assert all(everywhere <= names for names in seen.values())
    assert "-p1" in seen["sent"]
    assert "-p2" in seen["sent again"] & seen["goes on"]
    assert "-p2" not in seen["stopped"]
    assert [(moment, name) for moment, one, other in moments for name in one if one[name] != other[name]] == []
