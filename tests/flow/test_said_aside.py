"""What a message says of its patients beside what it is for: a death, and a consent that is no form."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import received
from tests.kit.fakes import MemoryDocuments
from tests.kit.lives import FINAL
from tests.kit.objections import consent_message
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import ArrivalKind
from transfer.cli.remedies import command
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.ledger import Ledger
from transfer.ledger.holds import Hold
from transfer.sandbox.charts import Chart
from transfer.sources import PatientFound

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def asked(services: Services, code: HoldCode) -> list[Hold]:
    return [one for one in b.open_holds(services) if one.code == code]


# --- a consent in a segment -------------------------------------------------------------------------------------------


def with_consent(chart: Chart, control: str = "1", con: str = "CON|1|001|1|||||||W|A") -> bytes:
    return b.report_of(chart, control).rstrip(b"\r") + f"\r{con}\r".encode()


def test_a_consent_that_permits_and_brings_no_form_is_a_persons_with_its_remedy(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    received(services, b.PRAIRIE, with_consent(chart))
    process_all(services)

    (hold,) = asked(services, HoldCode.CONSENT_WITHOUT_FORM)
    assert (hold.subject, hold.about) == (case, b.PRAIRIE)
    (answer,) = desk.hold(services, hold.id, actor=ANN).hold.answers
    assert answer.remedy
    assert command(answer.remedy) == "transfer permission file --template"
    assert desk.dossier(services, case, actor=ANN).permissions == (), "it is no form"

    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    received(services, b.PRAIRIE, with_consent(chart, "2"))
    process_all(services)
    assert asked(services, HoldCode.CONSENT_WITHOUT_FORM) == [], "one sender is asked about once"


def test_the_form_settles_the_question_and_where_it_stands_nobody_is_asked(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart, form=False)
    received(services, b.PRAIRIE, with_consent(chart))
    process_all(services)
    b.sign_form(services, chart)
    process_all(services)
    assert asked(services, HoldCode.CONSENT_WITHOUT_FORM) == []

    received(services, b.PRAIRIE, with_consent(chart, "2"))
    process_all(services)
    assert asked(services, HoldCode.CONSENT_WITHOUT_FORM) == []


def test_one_in_a_message_that_nobody_can_use_is_asked_about_as_well(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    received(services, b.PRAIRIE, consent_message(chart, "A"))
    process_all(services)

    assert [one.subject for one in asked(services, HoldCode.CONSENT_WITHOUT_FORM)] == [case]


@pytest.mark.parametrize("con", ["CON|1|001|1|||||||W|P", "CON|1|045|1|||||||W|A", "CON|1|001|1|||||||W|A||||||||||N"])
def test_what_permits_no_release_asks_for_no_form(services: Services, con: str):
    chart = b.a_chart()
    b.a_case(services, chart, form=False)
    received(services, b.PRAIRIE, with_consent(chart, con=con))
    process_all(services)

    assert asked(services, HoldCode.CONSENT_WITHOUT_FORM) == []


def test_a_consent_of_nobody_we_have_a_case_for_asks_nobody(services: Services):
    b.a_case(services, form=False)
    received(services, b.PRAIRIE, with_consent(b.a_chart()))
    process_all(services)

    assert asked(services, HoldCode.CONSENT_WITHOUT_FORM) == []


# --- a death ----------------------------------------------------------------------------------------------------------


def pushed(chart: Chart, patch: Callable[[dict[str, Any]], None]) -> bytes:
    """A document with its Patient, as an office posts them, changed."""
    bundle = json.loads(FINAL["reference"](chart, "N-1", "a note", datetime(2026, 10, 2, tzinfo=UTC)).body)
    patch(bundle)
    return json.dumps(bundle).encode()


def says(said: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda bundle: bundle["entry"][0]["resource"].update(said)


def contained(bundle: dict[str, Any]) -> None:
    patient, document = (one["resource"] for one in bundle["entry"])
    document["contained"] = [{**patient, "id": "p", "deceasedBoolean": True}]
    document["subject"] = {"reference": "#p"}
    bundle["entry"] = bundle["entry"][1:]


@pytest.mark.parametrize(
    ("patch", "is_asked"),
    [
        (says({"deceasedBoolean": True}), True),
        (says({"deceasedDateTime": "2026-09-30"}), True),
        (contained, True),
        (says({"deceasedBoolean": False}), False),
        (says({}), False),
    ],
    ids=["boolean", "day", "contained", "denied", "nothing"],
)
def test_a_death_that_a_posted_patient_tells_of_is_asked_about(services: Services, patch: Any, is_asked: bool):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.comes(services, b.LAKESIDE, ArrivalKind.ANSWER, pushed(chart, patch), "application/fhir+json")
    process_all(services)

    assert [one.subject for one in asked(services, HoldCode.PATIENT_DIED)] == [case] * is_asked


def test_a_death_in_a_report_is_asked_about(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    report = b.report_of(chart).split(b"\r")
    number = next(place for place, one in enumerate(report) if one.startswith(b"PID"))
    report[number] += b"|" * (30 - report[number].count(b"|")) + b"Y"
    received(services, b.PRAIRIE, b"\r".join(report))
    process_all(services)

    (hold,) = asked(services, HoldCode.PATIENT_DIED)
    assert hold.subject == case


class OfTheDead(MemoryDocuments):
    """A records office that knows of the death."""

    def ask(self, _source: object) -> "OfTheDead":
        return self

    def find_patient(self, *asked: Any, **how: Any) -> PatientFound | None:
        found = super().find_patient(*asked, **how)
        return replace(found, has_died=True) if found else None


def test_a_death_that_a_source_tells_of_when_it_is_asked_is_a_persons_and_the_documents_come(ledger: Ledger):
    services = b.new_services(ledger, ask_documents=OfTheDead([b"a note"]).ask)
    case = b.a_case(services)

    (hold,) = asked(services, HoldCode.PATIENT_DIED)
    assert hold.subject == case
    assert hold.due_at
    assert desk.dossier(services, case, actor=ANN).records
