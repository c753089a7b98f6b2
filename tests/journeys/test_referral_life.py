"""On real Airflow: a referral that changes and is withdrawn, and cases that once were stuck."""

import json
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.auditor import Auditor, eventually
from tests.kit.doors import a_task, post
from tests.kit.house import Chart, House
from tests.kit.staff import ANN
from transfer.case import Case
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.identifiers import CaseId
from transfer.sandbox.oncology import letters

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

LINES = ("oncology-notes", "pathology-report", "slides", "images")


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


def folded(house: House, case: CaseId) -> Case:
    with house.services.ledger.transaction() as tx:
        return tx.case(case)


def says(house: House, chart: Chart, order: dict[str, Any], **said: Any) -> None:
    """Lakeside posts the patient's referral once more, with elements of its own."""
    bundle = letters.referral(chart, said)
    bundle["entry"][1]["resource"] |= order
    assert post(house, "oncology", "/fhir", bundle).status == 200


def accepted(house: House, case: CaseId) -> bool:
    newest = folded(house, case).newest_packet
    return newest is not None and newest.receipt is not None and newest.receipt.status == "accepted"


def test_no_case_is_stuck_and_none_opens_twice(house: House):
    """Four patients side by side: Airflow, which costs as much while it waits, waits for all of them at once."""
    changing, empty, unknown, declined = (house.a_patient(slices=2) for _ in range(4))
    for chart in (changing, unknown, declined):
        house.release_form(chart)
    changed, bare = house.referral(changing), house.referral(empty)
    nameless = house.referral(unknown, sources=[])
    case = house.referral(declined)
    house.pathology_report(declined)
    for one in (changed, bare, nameless, case):
        eventually("it is opened", lambda one=one: folded(house, one).opened)

    # A changed referral changes its case, and a withdrawn one ends it.
    says(house, changing, {}, needed_by="2027-05-03")
    eventually("the day has moved", lambda: folded(house, changed).opened.needed_by == "2027-05-03")
    says(house, changing, {"status": "revoked"})
    eventually("it has ended", lambda: folded(house, changed).closed)
    assert folded(house, changed).closed.ending == "withdrawn"

    # Nothing empty is packed; what comes afterwards goes.
    with pytest.raises(NotAllowed):
        desk.approve(house.services, bare, actor=ANN, without=LINES)
    house.release_form(empty)
    house.pathology_report(empty)

    # A case whose sources nobody named is on the list, and a further source is asked.
    desk.change(house.services, nameless, sources=["mercy-imaging"], actor=ANN)
    eventually("the film room was asked", lambda: house.request_states(nameless).get("film-room") == "answered")

    # The case itself is declined, after a packet was accepted.
    eventually("it was accepted", lambda: accepted(house, case))
    desk.receive_material(house.services, case, pieces=6, announced=6, accession="S25-1", actor=ANN)
    eventually("the other was accepted, too", lambda: accepted(house, bare))
    packet = folded(house, case).newest_packet.planned.packet
    said = post(house, "center", "/fhir/Task", a_task("packet", packet, "rejected", "case-declined"))
    assert said.status in (200, 201)
    eventually("it has ended", lambda: folded(house, case).closed)
    assert folded(house, case).closed.ending == "center-declined"
    assert desk.dossier(house.services, case, actor=ANN).packets[0].links_ended

    # What is held joins the case of a third opinion, though its first case has ended.
    house.release_form(declined, recipients=["summit-cancer-center"], number="second-form")
    number = {**declined["referral"]["number"], "value": declined["referral"]["number"]["value"] + "-2"}
    again = house.referral(declined, number=number)
    eventually("the report is here", lambda: house.request_states(again).get("report-desk") == "answered")
    assert set(folded(house, again).records) & set(folded(house, case).records)

    # A packet that is declined for its slides has the glass counted anew.
    house.behave("center", receipt="rejected", reasons=["slides"])
    short = house.a_patient(slices=2)
    house.release_form(short)
    glass = house.referral(short)
    eventually("it is opened", lambda: folded(house, glass).opened)
    desk.receive_material(house.services, glass, pieces=6, announced=6, accession="S25-1", actor=ANN)
    assert "slides" not in b.assessed(house.services, glass).lacking
    house.pathology_report(short)
    eventually("it was declined", lambda: "packet-declined" in house.holds(glass))
    assert "slides" in b.assessed(house.services, glass).lacking
    desk.announce_material(house.services, glass, 6, actor=ANN)
    assert "slides" not in b.assessed(house.services, glass).lacking
    house.behave("center", receipt="accepted")

    runs = Auditor(house).runs(changed)
    assert all(run["state"] == "success" for run in runs), json.dumps(runs)
