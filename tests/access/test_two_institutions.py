"""Two institutions, each trying everything with the other's ids: 0 successes, and what is another's looks like nothing.

`pytest -s` shows the table of attempts.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.acts import eventually
from tests.kit.doors import a_task
from tests.kit.hospitals import NPIS, Hospital, Said, a_front, begin_case, exchange, partners
from tests.kit.house import House, a_house
from tests.kit.peers.certificates import certificates
from tests.kit.processing import process_all
from transfer.embedded import ports
from transfer.facts import Chain
from transfer.identifiers import CaseId, PacketId
from transfer.sandbox.oncology import letters

pytestmark = pytest.mark.servers

NO_PACKET = PacketId.of(CaseId("c00000000000"), 1)
NO_REQUEST = "q00000000000"


@dataclass(frozen=True)
class Both:
    house: House
    harbor: Hospital
    ridge: Hospital


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    known = certificates(folder / "certificates", *NPIS)
    plain = partners(folder / "plain", ports.free(list(NPIS)))
    with a_house(folder / "var", TRANSFER_INSTITUTIONS=str(plain)) as house:
        house.behave("center", fetch=False)
        with a_front(house, folder, known) as front:
            harbor, ridge = (Hospital(name, front) for name in NPIS)
            for hospital in (harbor, ridge):
                begin_case(house, hospital)
            yield Both(house, harbor, ridge)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["harbor tries ridge's", "ridge tries harbor's"])
def pair(both: Both, request: pytest.FixtureRequest) -> tuple[House, Hospital, Hospital]:
    """The house, who tries, and whose ids these are."""
    first, second = (both.harbor, both.ridge) if request.param.startswith("harbor") else (both.ridge, both.harbor)
    return both.house, first, second


def standing(hospital: Hospital) -> dict[str, Any]:
    """Everything about its case that anybody could change or learn."""
    journey = hospital.journey
    eventually(lambda: all(row.closed_at for row in journey.egress()))
    with journey.house.services.ledger.transaction() as tx:
        of_case = [row.case_id for row in tx.rows("SELECT case_id FROM cases WHERE case_id = %s", journey.case)]
        chains = {chain: [line.hash for line in tx.lines(chain)] for chain in _chains(hospital)}
        tables = {
            "permissions": tx.rows(
                """SELECT permission, ended FROM permissions JOIN arrivals USING (arrival) WHERE institution = %s""",
                hospital.id,
            ),
            "requests": tx.rows("SELECT request, state FROM requests WHERE case_id = %s", journey.case),
            "disclosures": tx.rows("SELECT * FROM disclosures WHERE packet LIKE %s", f"{journey.case}%"),
            "egress": tx.rows("SELECT * FROM egress WHERE patient = %s", journey.patient),
            "collected": tx.rows("SELECT record, line, superseded FROM collected WHERE case_id = %s", journey.case),
            "holds": tx.rows("SELECT hold, answer FROM holds WHERE subject = %s", journey.case),
            "epoch": tx.rows("SELECT epoch FROM patient_epochs WHERE patient = %s", journey.patient),
            "arrivals": tx.rows(
                "SELECT arrival, state, conflicts, outcome FROM arrivals WHERE institution = %s", hospital.id
            ),
        }
    return {"case": of_case, "chains": chains} | {name: sorted(map(str, rows)) for name, rows in tables.items()}


def _chains(hospital: Hospital) -> list[Chain]:
    return [Chain.case(hospital.journey.case), Chain.patient(hospital.journey.patient)]


# --- what is told by ids ----------------------------------------------------------------------------------------------

#: (who tries, an id that is another's or nobody's) → what is said to that
ByPacket = Callable[[Hospital, str], Said]

DOWNLOADS: dict[str, ByPacket] = {
    "the whole packet": lambda who, packet: who.asks("GET", f"/packets/{packet}/packet.tar"),
    "a part of it": lambda who, packet: who.asks("GET", f"/packets/{packet}/packet.tar", Range="bytes=0-511"),
    "the end of it": lambda who, packet: who.asks("GET", f"/packets/{packet}/packet.tar", Range="bytes=9999999-"),
    "its length": lambda who, packet: who.asks("HEAD", f"/packets/{packet}/packet.tar"),
    "its first document": lambda who, packet: who.asks("GET", f"/packets/{packet}/documents/1"),
    "a part of that": lambda who, packet: who.asks("GET", f"/packets/{packet}/documents/1", Range="bytes=0-9"),
    "a document it has not": lambda who, packet: who.asks("GET", f"/packets/{packet}/documents/999"),
    "in capitals": lambda who, packet: who.asks("GET", f"/packets/{packet.upper()}/packet.tar"),
    "encoded": lambda who, packet: who.asks("GET", f"/packets/%{ord(packet[0]):02x}{packet[1:]}/packet.tar"),
    "by way of another": lambda who, packet: who.asks("GET", f"/packets/{NO_PACKET}/../{packet}/packet.tar"),
    "with its own as well": lambda who, packet: who.asks("GET", f"/packets/{packet}/packet.tar?packet={own(who)}"),
    "in the name of a proxy": lambda who, packet: who.asks(
        "GET", f"/packets/{packet}/packet.tar", X_Forwarded_For="127.0.0.1", X_Original_URL=f"/packets/{own(who)}"
    ),
    "by POST": lambda who, packet: who.asks("POST", f"/packets/{packet}/packet.tar", b"{}"),
}

WORDS: dict[str, ByPacket] = {
    "a receipt: accepted": lambda who, packet: who.posts(a_task("packet", packet, "accepted")),
    "a receipt: declined": lambda who, packet: who.posts(a_task("packet", packet, "rejected", "wrong-patient")),
    "a receipt in a bundle": lambda who, packet: who.posts(bundled(a_task("packet", packet, "accepted"))),
    "a receipt among identifiers": lambda who, packet: who.posts(
        {**a_task("packet", own(who), "accepted"), "focus": {"identifier": a_number("packet", packet)}}
    ),
}

ANSWERS: dict[str, ByPacket] = {
    "no records": lambda who, request: who.posts(a_task("request", request, "rejected", "no-records")),
    "no records, destroyed": lambda who, request: who.posts(a_task("request", request, "rejected", "destroyed")),
    "on its way": lambda who, request: who.posts(a_task("request", request, "in-progress", note=[{"text": "x"}])),
    "done": lambda who, request: who.posts(a_task("request", request, "completed")),
    "what is asked": lambda who, request: who.asks("GET", f"/fhir/Task/{request}"),
}


def own(who: Hospital) -> PacketId:
    return who.journey.packet


def a_number(system: str, value: str) -> dict[str, str]:
    return {"system": f"urn:records-transfer:{system}", "value": value}


def bundled(resource: dict[str, Any]) -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def told(name: str, said: object) -> None:
    print(f"  {name:<45} {said}")  # noqa: T201 - the table of attempts


def test_by_the_others_ids_nothing_is_had_and_they_look_like_ids_of_nothing(
    pair: tuple[House, Hospital, Hospital],
):
    house, who, other = pair
    before = standing(other)
    with house.services.ledger.transaction() as tx:
        asked = [row.request for row in tx.rows("SELECT request FROM requests WHERE case_id = %s", other.journey.case)]
    assert asked
    tries = [(name, attempt, str(other.journey.packet), NO_PACKET) for name, attempt in (DOWNLOADS | WORDS).items()]
    tries += [(name, attempt, request, NO_REQUEST) for name, attempt in ANSWERS.items() for request in asked]
    successes = []
    for name, attempt, theirs, nobodys in tries:
        said, of_nothing = attempt(who, theirs), attempt(who, nobodys)
        told(name, said.status)
        # a Task that decides nothing is taken from anybody about anything, and changes nothing
        if said != of_nothing or (said.is_taken and name not in ("on its way", "done")):
            successes.append((name, said, of_nothing))
    process_all(house.services)

    assert successes == []
    assert standing(other) == before


def test_a_hospital_fetches_its_own_packet_by_the_same_door(pair: tuple[House, Hospital, Hospital]):
    _, who, _ = pair
    link = f"/packets/{own(who)}/packet.tar"

    assert who.asks("GET", link).status == 200
    assert who.asks("GET", link, Range="bytes=0-511").status == 206
    assert who.asks("GET", f"/packets/{own(who)}/documents/1").status == 200


# --- what is told by what is shown ------------------------------------------------------------------------------------


def test_token_and_certificate_must_both_be_its_own(pair: tuple[House, Hospital, Hospital]):
    """The packet is the other's or its own: without both credentials of its recipient there is none."""
    house, who, other = pair
    before = standing(other)
    shown: dict[str, dict[str, Any]] = {
        "the other's token, its own certificate": {"token": other.token},
        "its own token, the other's certificate": {"certificate": other.name},
        "the other's token, no certificate": {"token": other.token, "certificate": None},
        "its own token, no certificate": {"certificate": None},
        "no token, its own certificate": {"token": ""},
        "no token, no certificate": {"token": "", "certificate": None},
        "a certificate of nobody": {"certificate": "client"},
        "the other's token, a certificate of nobody": {"token": other.token, "certificate": "client"},
    }
    for name, how in shown.items():
        for packet in (own(other), own(who), NO_PACKET):
            said = who.asks("GET", f"/packets/{packet}/packet.tar", **how)
            assert said.status == 401, name
        assert who.posts(a_task("packet", own(other), "accepted"), **how).status == 401, name
        told(name, said.status)
    process_all(house.services)

    assert standing(other) == before


def test_at_the_mllp_doors_nobody_speaks_for_the_other(pair: tuple[House, Hospital, Hospital]):
    house, who, other = pair
    before = standing(other)
    forged = who.message(other.chart, "F1", of=other.name)
    attempts = {
        "the other's MSH at its own port": who.sends(forged),
        "the other's MSH at the other's port": who.sends(forged, port_of=other.name),
        "its own MSH at the other's port": who.sends(who.message(other.chart, "F2"), port_of=other.name),
        "the other's port, no certificate": who.sends(forged, port_of=other.name, certificate=None),
        "the other's port, a certificate of nobody": who.sends(forged, port_of=other.name, certificate="client"),
        "its own port, the other's certificate": who.sends(who.message(who.chart, "F3"), certificate=other.name),
        "the other's port, plain text": exchange(who.front.mllp[other.name], forged, None),
    }
    for name, said in attempts.items():
        told(name, said)
    process_all(house.services)

    assert attempts.pop("the other's MSH at its own port") == "AR"
    assert set(attempts.values()) == {"turned away"}
    assert standing(other) == before


# --- what is told by what stands in a message -------------------------------------------------------------------------


def a_revocation(hospital: Hospital, **more: object) -> dict[str, Any]:
    return {**json.loads(hospital.form), "status": "inactive", **more}


#: what a form of somebody else's about the same patient may not touch
LASTING = ("permissions", "requests", "disclosures", "egress", "collected", "arrivals")


def lasting(hospital: Hospital) -> dict[str, Any]:
    now = standing(hospital)
    return {name: now[name] for name in LASTING}


def questions(hospital: Hospital) -> Counter[str]:
    """What people are asked on its case, by code."""
    with hospital.journey.house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT code FROM holds WHERE subject = %s AND resolved_at IS NULL", hospital.journey.case)
    return Counter(row.code for row in rows)


@pytest.mark.parametrize("status", ["inactive", "entered-in-error"])
def test_a_form_is_ended_by_who_filed_it_and_by_nobody_else(pair: tuple[House, Hospital, Hospital], status: str):
    """A person is asked, by a time; that somebody else says so is no reason to stop, and none to forget it."""
    house, who, other = pair
    before, asked = lasting(other), questions(other)

    said = who.posts(a_revocation(other, status=status))
    of_nothing = who.posts(a_revocation(other, status=status, identifier=[{"system": "urn:x:1", "value": "none"}]))
    told(f"a form of the other's: {status}", said.status)
    process_all(house.services)

    assert said == of_nothing
    assert lasting(other) == before
    assert questions(other) - asked == {"objection-of-another": 2}


def test_a_form_is_replaced_by_who_filed_it_and_by_nobody_else(pair: tuple[House, Hospital, Hospital]):
    house, who, other = pair
    before = lasting(other)

    shorter = json.loads(other.form)
    shorter["provision"]["period"]["end"] = shorter["provision"]["period"]["start"]
    for form in (shorter, other.form):
        assert who.posts(form).is_taken
    process_all(house.services)

    assert lasting(other) == before


def test_the_same_message_from_another_is_another_message(pair: tuple[House, Hospital, Hospital]):
    """No answer tells that a number was seen before at another's door, and no message of the other's is touched."""
    house, who, other = pair
    before = lasting(other)

    assert who.posts(other.referral).is_taken
    assert who.sends(who.message(other.chart, "C1")) == "AA"
    process_all(house.services)

    with house.services.ledger.transaction() as tx:
        ours = tx.value("SELECT count(*) FROM arrivals WHERE institution = %s AND conflicts", who.id)
    assert ours == 0
    assert lasting(other) == before


def test_a_document_of_anothers_is_not_taken_back(pair: tuple[House, Hospital, Hospital]):
    """Whatever it says it replaces: what the other sent still answers its line."""
    house, who, other = pair
    superseded = "SELECT count(*) AS n FROM collected WHERE case_id = %s AND superseded"
    before = other.journey.row(superseded, other.journey.case).n

    pushed = json.loads(json.dumps(letters.pushed(other.chart, "consultation")))
    reference = pushed["entry"][0]["resource"]
    assert reference["identifier"]
    reference["relatesTo"] = [{"code": "replaces", "target": {"identifier": each}} for each in reference["identifier"]]
    reference["status"] = "entered-in-error"
    before_it = arrivals(house, who)
    said = who.posts(pushed)
    told("a document of the other's taken back", said.status)
    process_all(house.services)

    assert said.is_taken
    ((_, *became),) = arrivals(house, who) - before_it
    # whose it is was understood, and that this institution may disclose nothing of that patient's
    assert became == ["sealed", "waits-for-permission", other.journey.patient]
    assert other.journey.row(superseded, other.journey.case).n == before


def arrivals(house: House, who: Hospital) -> set[tuple[str, ...]]:
    """What came from it, and what became of that."""
    with house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT arrival, state, outcome, patient FROM arrivals WHERE institution = %s", who.id)
    return {(row.arrival, row.state, row.outcome, row.patient) for row in rows}
