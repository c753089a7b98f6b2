"""A category that was not released is named nowhere outside, and everything outside reads as if there were none."""

import base64
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import pytest

from tests.campaigns.leak.alike import TELLING, differences, neutral, renumbered, two_alike
from tests.kit import processing
from tests.kit.house import Chart, House
from tests.kit.marked_patients import Sought
from tests.kit.outside_client import OutsideBrowser
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from tests.kit.written import everything, search
from transfer.case import Stage
from transfer.flow import desk
from transfer.flow.rounds import STEPS
from transfer.gateway.egress import Outgoing
from transfer.identifiers import CaseId
from transfer.ledger import letter_codes, requests
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import Outsider
from transfer.packet import NOTICE
from transfer.rounds import Dag

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True)
class Outside:
    """All of a case that anybody but the staff can come to see, without what differs from case to case."""

    case: CaseId
    #: file of the packet → what it says; nothing of what is there as it was received
    packet: dict[str, list[str]]
    submission: str
    #: of the case's chain of facts, as the packet names its head: a fact more for what was withheld would tell
    facts: int
    notes: list[str]
    #: of each run its DAG and number: its id and its configuration are made of them
    runs: list[str]
    #: what each task gives to the next (XCom in Airflow), and what we log meanwhile, in no order
    tasks: Counter[str]
    holds: list[str]
    states: dict[str, str]
    #: what the pages of the center, the source, the office and the patient say, with their headers
    pages: dict[str, str]

    @property
    def text(self) -> str:
        return json.dumps([self.packet, self.submission, self.notes, self.runs, [*self.tasks], self.holds, self.pages])


@contextmanager
def tasks_told() -> Iterator[Counter[str]]:
    """What tasks give to each other and log from here on, without what differs from case to case."""
    told = Counter[str]()

    def telling(dag: Dag, number: int, step: Callable[..., object]) -> Callable[..., object]:
        def told_step(*arguments: object) -> object:
            gave = step(*arguments)
            told[neutral(f"{dag} {number} {gave!r}")] += 1
            return gave

        return told_step

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told[neutral(f"{record.name} {record.levelname} {record.getMessage()}")] += 1

    steps = {dag: tuple(telling(dag, number, one) for number, one in enumerate(each)) for dag, each in STEPS.items()}
    logger, heard = logging.getLogger("transfer"), Heard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processing, "STEPS", steps)
        logger.addHandler(heard)
        try:
            yield told
        finally:
            logger.removeHandler(heard)


def delivered(house: House, chart: Chart) -> Outside:
    with tasks_told() as told:
        return _delivered(house, chart, told)


def _delivered(house: House, chart: Chart, told: Counter[str]) -> Outside:
    for institution in ("oncology", "pathology", "archive"):
        house.order(institution, "patients", chart)
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    # Without the laboratory's own report: copies of one document stand in the order of their random names.
    house.process_until(lambda: _is_fetched(house, case))
    asked = _letters(house, case)
    lacking = house.assessment(case).lacking
    desk.approve(house.services, case, actor=ANN, without=lacking)
    house.process_until(lambda: _stage(house, case) is Stage.DELIVERED)
    (arrived,) = [one for one in house.order("center", "packets", method="GET") if one["packet"].startswith(case)]
    folder = Path(arrived["folder"])
    sent = (house.var / "sandbox" / "center" / f"{arrived['packet']}.submission.json").read_text()
    with house.services.ledger.transaction() as tx:
        notes = tx.rows(
            "SELECT sentence, dag_id, round FROM due_runs WHERE subject LIKE %s ORDER BY dag_id, round", f"{case}%"
        )
        codes = sorted(hold.code for hold in tx.case(case).holds.values())
    return Outside(
        case=case,
        packet=_packet(folder),
        submission=neutral(sent),
        facts=json.loads(next(folder.rglob("manifest.json")).read_text())["anchor"]["sequence"],
        notes=[neutral(row.sentence or "") for row in notes],
        runs=[f"{row.dag_id} {row.round}" for row in notes],
        tasks=told,
        holds=[str(code) for code in codes],
        states=house.request_states(case),
        pages=_pages(house, arrived["packet"], asked, chart["patient"]["birth_date"]),
    )


def _letters(house: House, case: CaseId) -> dict[str, str]:
    """The code of each letter that there could be, by whom it is for: also of the request that has been answered."""
    with house.services.ledger.transaction() as tx:
        tx.lock_case(case)
        found = {
            f"/r/requests/{one.id}": letter_codes.reply_code(tx, one).code
            for one in sorted(requests.of_case(tx, case), key=lambda one: one.department)
            if one.department in ("records-office", "film-room", "report-desk")
        }
        own = {str(one): letter_codes.own_code(tx, case, one).code for one in OWN}
    return found | own


#: paths of a packet in a center's pages; of its files, only what is said of them is compared
_OF_CENTER = ("", "/more", "/no-case", "/words", "/report")
_FILES = ("/files/index.html", "/files/records.pdf", "/packet.tar", "/packet.zip")
_OF_SOURCE = ("", "/receipt", "/answer/records", "/answer/no-records", "/answer/not-accepted")
OWN = (CodeHolder.PATIENT, CodeHolder.REFERRING_OFFICE)


def _pages(house: House, packet: str, codes: dict[str, str], born: str) -> dict[str, str]:
    outgoing = Outgoing(house.services)
    try:
        center = OutsideBrowser(house.services, outgoing, host=f"of {packet}")
        center.sign_in()
        pages = {f"center{path}": center.get(f"/c/packets/{packet}{path}") for path in _OF_CENTER}
        files = {f"center{path}": center.get(f"/c/packets/{packet}{path}") for path in _FILES}
        year, month, day = born.split("-")
        typed = {"born-year": year, "born-month": month, "born-day": day}
        for number, (whose, code) in enumerate(codes.items()):
            browser = OutsideBrowser(house.services, outgoing, host=f"of {packet}")  # each case's people sit elsewhere
            if whose in OWN:
                paths = ["/own/", "/own/send", *(["/own/take-back"] if whose == CodeHolder.PATIENT else [])]
                home, browser.kind = "/own/open", Outsider.OWN
            else:
                paths = ["/r/", *(f"{whose}{path}" for path in _OF_SOURCE)]
                home, browser.kind = "/r/open", Outsider.SOURCE
            pages[f"{number} {home}"] = browser.post(home, {"code": code, **typed})
            pages |= {f"{number} {path}": browser.get(path) for path in paths}
            if whose in OWN:
                given = desk.give_own_pin(house.services, CaseId(packet[:12]), CodeHolder(whose), actor=ANN)
                browser.post("/own/pin", {"pin": str(given.fields["pin"]), "to": "send"})
                pages |= {f"{number} {path} with PIN": browser.get(path) for path in paths}
    finally:
        outgoing.shut()
    assert {path: page.status_code for path, page in (pages | files).items() if page.status_code != 200} == {}
    told = {neutral(name): _told(page.text, page.headers) for name, page in pages.items()}
    return told | {name: _told("", page.headers) for name, page in files.items()}


#: says how long something is, which is made of what differs from case to case
_OF_ITS_OWN = ("content-length", "etag", "set-cookie")


def _told(text: str, headers: Any) -> str:
    said = [f"{name}: {value}" for name, value in sorted(headers.items()) if name not in _OF_ITS_OWN]
    return neutral(_MOMENT.sub("TIME", "\n".join((*said, text))))


#: as pages say it: Sat 28 Nov 2026, 14:59 CST
_MOMENT = re.compile(r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4}(, \d\d:\d\d \w+)?")


def _is_fetched(house: House, case: CaseId) -> bool:
    states = house.request_states(case)
    return all(states.get(one) == "answered" for one in ("records-office", "film-room"))


def _stage(house: House, case: CaseId) -> Stage:
    with house.services.ledger.transaction() as tx:
        return tx.case(case).stage


def _packet(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found.setdefault(neutral(str(path.relative_to(folder))), []).append(_said(path))
    return found


def _said(path: Path) -> str:
    """What a file that we wrote says to a reader."""
    if path.suffix in (".json", ".html", ".txt"):
        return neutral(path.read_text(encoding="utf-8"))
    if path.name == "records.pdf":
        return neutral("\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(path.read_bytes())).pages))
    return ""


Pairs = Callable[[str, str], tuple[Outside, Outside]]


@pytest.fixture(scope="module")
def once() -> dict[tuple[str, str], tuple[Outside, Outside]]:
    return {}


@pytest.fixture
def pairs(house: House, once: dict[tuple[str, str], tuple[Outside, Outside]]) -> Pairs:
    """Two cases alike, of which the first had something withheld; delivered once for all tests."""

    def pair(document: str, code: str) -> tuple[Outside, Outside]:
        if (document, code) not in once:
            with_it, without_it = two_alike(document, code)
            once[document, code] = delivered(house, with_it), delivered(house, without_it)
        return once[document, code]

    return pair


@pytest.mark.parametrize(
    ("document", "code"),
    [
        *(("molecular", "HIV"), ("progress", "PSYTHPN"), ("questionnaire", "HIV"), ("treatment", "PSYTHPN")),
        *(("progress", "SUD"), ("treatment", "PSY")),
    ],
)
def test_a_packet_reads_the_same_with_and_without_something_withheld(pairs: Pairs, document: str, code: str) -> None:
    one, other = pairs(document, code)

    assert one.packet.keys() == other.packet.keys()
    for path, said in other.packet.items():
        assert len(said) == len(one.packet[path]), path
        assert not differences("".join(said), "".join(one.packet[path])), path
    assert not differences(other.submission, one.submission)
    assert one.facts == other.facts
    assert one.notes == other.notes
    assert one.runs == other.runs
    assert one.tasks == other.tasks
    assert {Dag.OPEN_CASE, Dag.RECEIVE_ARRIVALS, Dag.RELEASE_PACKET} <= {said.split()[0] for said in one.tasks}
    assert one.holds == other.holds
    assert one.states == other.states
    assert one.pages == other.pages
    assert not TELLING.search(one.text.replace(NOTICE, ""))
    assert f'"notice": "{NOTICE}"' in one.packet["manifest.json"][0]


def test_the_name_of_a_withheld_category_is_in_nothing_that_was_written(house: House, pairs: Pairs) -> None:
    """Whatever staff may read of it is read from what is sealed."""
    pairs("progress", "PSYTHPN")

    assert search(Sought.of(["PSYTHPN"]), everything(house)).hits == []


def test_no_run_of_any_dag_says_that_something_was_withheld(house: House, pairs: Pairs) -> None:
    pairs("molecular", "HIV")
    with house.services.ledger.transaction() as tx:
        notes = tx.rows("SELECT dag_id, sentence FROM due_runs WHERE state = 'done'")

    # purging is no part of these cases
    assert {row.dag_id for row in notes} >= set(Dag) - {Dag.ENFORCE_PERMISSIONS, Dag.HOUSEKEEPING}
    assert [row.sentence for row in notes if not row.sentence or TELLING.search(row.sentence)] == []


def test_a_label_that_is_released_is_shown_so_that_the_comparison_can_fail(house: House, pairs: Pairs) -> None:
    chart, _ = two_alike("molecular", "HIV")
    released = json.loads(json.dumps(chart).replace("WVQAA", "WVQCC"))
    released = json.loads(renumbered(json.dumps(released), "5")) | {"labels": {}}
    kept = delivered(house, released)

    _, lacking = pairs("molecular", "HIV")
    assert kept.facts != lacking.facts
    assert differences(kept.submission, lacking.submission)
    assert differences(kept.packet["manifest.json"][0], lacking.packet["manifest.json"][0])


def test_the_text_that_is_compared_would_show_a_label() -> None:
    labelled: dict[str, Any] = {"securityLabel": [{"coding": [{"code": "HIV"}]}], "x": base64.b64encode(b"x").decode()}

    assert TELLING.search(json.dumps(labelled))
