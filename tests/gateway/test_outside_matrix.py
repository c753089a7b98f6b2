"""Every route of outside × {another's session of the same kind, a session of every other kind, a guessed code}: what is
one's own stays so. A route that is added without its row here fails.
"""

import re
from dataclasses import dataclass

import pytest

from tests.kit import builders as b
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser
from tests.kit.staff import ANN
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.outside import center_slides
from transfer.flow.outside.sessions import session_of
from transfer.gateway.outside.app import PARTS, everything
from transfer.gateway.outside.routes import OutsidePage, Reached
from transfer.identifiers import CaseId
from transfer.letter_codes import CodeHolder
from transfer.materials import CheckIn, MaterialKind
from transfer.outside_sessions import MOST_TRIES, Outsider, TriedBy
from transfer.parcels import Carrier, Condition
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

_LISTS = {"/c/", "/c/slides", "/c/slides/new", "/c/loans", "/c/said", "/c/find", "/r/", "/r/another"}
_OWN = {"/own/", "/own/stop", "/own/send", "/own/pin", "/own/sign", "/own/take-back"}
_OF_PACKET = {
    f"/c/packets/{{packet}}{path}"
    for path in (
        *("", "/packet.tar", "/packet.zip", "/files/{path:path}"),
        *("/accept", "/more", "/no-case", "/said", "/words", "/numbers", "/report"),
    )
}
_OF_PARCEL = {f"/c/slides/{{parcel}}{path}" for path in ("", "/tray", "/receipt")}
_OF_PIECES = {f"/c/pieces/{{case}}/{{material}}{path}" for path in ("", "/label", "/judge", "/keep", "/return")}
_OF_REQUEST = {
    f"/r/requests/{{request}}{path}" for path in ("", "/sent", "/receipt", "/answer/{choice}", "/answer/{choice}/send")
}
#: each is named with what its path is about: somebody else's answers 404, and a list is without it
ROWS = _LISTS | _OWN | _OF_PACKET | _OF_PARCEL | _OF_PIECES | _OF_REQUEST
#: says the same whatever packet its path names, and nothing of any
_SAYS_NOTHING = {"/c/packets/{packet}/said"}


@dataclass(frozen=True)
class World:
    """Somebody's case, of which nothing is to be seen by others; and others."""

    chart: Chart
    case: CaseId
    ids: dict[str, str]
    browser: OutsideBrowser
    other: tuple[CaseId, Chart]

    @property
    def marks(self) -> list[str]:
        who = self.chart["patient"]
        return [who["family"], self.case, *(self.ids[name] for name in ("request", "material", "parcel"))]

    def lines(self) -> int:
        services = self.browser.services
        with services.ledger.transaction() as tx:
            patient = b.patient_of(services, self.case)
            return len(tx.lines(Chain.case(self.case))) + len(tx.lines(Chain.patient(patient)))


@pytest.fixture
def world(giving: Giving) -> World:
    services, chart, others = giving.services, b.a_chart(), b.a_chart()
    packet = giving.a_packet(chart)
    giving.give(packet)
    browser = OutsideBrowser(services, giving.outgoing)
    browser.sign_in()
    begun = {"carrier": Carrier.UPS, "number": "1Z999AA10123456784", "condition": Condition.GOOD}
    parcel = browser.post("/c/slides/new", begun).headers["location"].rpartition("/")[2]
    counts = {MaterialKind.SLIDE: 6}
    seen = CheckIn(parcel=parcel, accession="S25-10071", counts=counts, announced=counts, source=b.PRAIRIE)
    session = session_of(services, Outsider.CENTER, browser.client.cookies["__Host-center"])
    assert session
    center_slides.log_in(services, session, packet.case, seen)
    (material, *_) = desk.dossier(services, packet.case, actor=ANN).materials
    request = b.request_to(services, packet.case, b.PRAIRIE)
    ids = {
        "packet": str(packet),
        "path": "index.html",
        "parcel": parcel,
        "case": packet.case,
        "material": material.material,
        "request": request.id,
        "choice": "no-records",
    }
    return World(chart, packet.case, ids, browser, (b.a_case(services, others), others))


def test_every_declared_route_has_its_row():
    assert {one.path for part in PARTS for one in everything(part)} - {f"{part.home}sign-out" for part in PARTS} == ROWS


def asked(world: World, one: Reached) -> tuple[int, str]:
    path = re.sub(r"{(\w+)(?::\w+)?}", lambda found: world.ids[found[1]], one.path)
    if isinstance(one, OutsidePage):
        answer = world.browser.get(path)
    elif one.takes_files:
        answer = world.browser.upload(path, {"person": "Eve", "key": "k"}, [("files", ("x.pdf", b"%PDF-1.7", "x"))])
    else:
        fields = {"sure": "yes", "question": "Who?", "mrn": "1", "said": "sufficient", "carrier": "ups", "reason": "x"}
        answer = world.browser.post(path, {**fields, "person": "Eve", "number": "S25-10071", "scan": "S25-10071"})
    return answer.status_code, answer.text + str(answer.headers)


def sign_in_as_another(world: World, kind: Outsider) -> None:
    """Of the same kind, for somebody else."""
    browser, (case, chart) = world.browser, world.other
    browser.client.cookies.clear()
    if kind is Outsider.CENTER:
        browser.sign_in(kind, str(b.MERCY), account="s9999")
        return
    browser.kind = kind
    if kind is Outsider.SOURCE:
        request = b.request_to(browser.services, case, b.PRAIRIE)
        code = desk.give_reply_code(browser.services, request.id, actor=ANN).fields["code"]
    else:
        code = desk.give_own_code(browser.services, case, CodeHolder.PATIENT, actor=ANN).fields["code"]
    year, month, day = chart["patient"]["birth_date"].split("-")
    home = "/r/open" if kind is Outsider.SOURCE else "/own/open"
    opened = browser.post(home, {"code": str(code), "born-year": year, "born-month": month, "born-day": day})
    assert opened.status_code == 200, opened.text


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
def test_another_s_session_sees_and_changes_nothing(world: World, part):
    sign_in_as_another(world, part.kind)
    before = world.lines()
    for one in part.declared:
        status, said = asked(world, one)
        if "{" in one.path and one.path not in _SAYS_NOTHING:
            assert status == 404, one.path
        for mark in world.marks:
            assert mark not in said, f"{one.path} says {mark}"
    assert world.lines() == before


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
def test_a_session_of_another_kind_is_none(world: World, part):
    for kind in set(Outsider) - {part.kind}:
        secret = world.browser.sign_in(kind)
        world.browser.client.cookies.set(f"__Host-{part.kind}", secret)
        for one in everything(part):
            status, said = asked(world, one)
            assert status == 401, one.path
            assert not any(mark in said for mark in world.marks)


@pytest.mark.parametrize(("home", "kind"), [("/r/open", Outsider.SOURCE), ("/own/open", Outsider.OWN)])
def test_guesses_at_a_code_are_bounded_and_told_nothing(world: World, home: str, kind: Outsider):
    """The right code with wrong birth dates, until nobody looks at the right one any more."""
    browser, (case, chart) = world.browser, world.other
    browser.client.cookies.clear()
    browser.kind = kind
    if kind is Outsider.SOURCE:
        request = b.request_to(browser.services, case, b.PRAIRIE)
        code = str(desk.give_reply_code(browser.services, request.id, actor=ANN).fields["code"])
    else:
        code = str(desk.give_own_code(browser.services, case, CodeHolder.PATIENT, actor=ANN).fields["code"])
    year, month, day = chart["patient"]["birth_date"].split("-")
    wrong = {"code": code, "born-year": "1901", "born-month": month, "born-day": day}

    answers = [browser.post(home, wrong) for _ in range(MOST_TRIES[TriedBy.CODE])]

    assert {one.status_code for one in answers} == {422}
    assert browser.post(home, wrong | {"born-year": year}).status_code == 409
    assert not any(chart["patient"]["family"] in one.text for one in answers)
