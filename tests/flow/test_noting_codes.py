"""Codes that mean nothing here yet are noted as they come: sealed, bounded, of no patient, and forgotten one day."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments
from tests.kit.first_steps import first_step, referred
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import ArrivalKind
from transfer.flow import desk
from transfer.flow.housekeeping import clean_up
from transfer.flow.noting_codes import note
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.records import Coding, RecordKind
from transfer.sandbox.oncology import letters
from transfer.sources import Bad, Found
from transfer.unmapped_codes import MOST_CODES, REMEMBERED, CodeUse, UnmappedCode

pytestmark = pytest.mark.servers

KEY = "http://lake.example/codes|PATH7"


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def listed(services: Services) -> list[UnmappedCode]:
    return desk.list_unmapped_codes(services, b.LAKESIDE, actor=ANN)


def test_a_code_is_counted_and_keeps_when_it_was_first_seen(services: Services):
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, [KEY, KEY])
    (before,) = listed(services)
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, [KEY])
    (after,) = listed(services)

    assert (before.times, after.times, after.key) == (2, 3, KEY)
    assert after.first_at == before.first_at < after.last_at
    assert desk.list_unmapped_codes(services, b.PRAIRIE, actor=ANN) == []


def test_no_code_stands_in_clear(services: Services):
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, [KEY])
    with services.ledger.transaction() as tx:
        (row,) = tx.rows("SELECT * FROM unmapped_codes")

    assert b"PATH7" not in bytes(row.code) + bytes(row.term)


def test_a_sender_that_makes_up_codes_fills_no_table(services: Services):
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, [f"http://lake.example/codes|M{n}" for n in range(MOST_CODES + 5)])
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, ["http://lake.example/codes|M0", KEY])
    found = listed(services)

    assert len(found) == MOST_CODES
    assert found[0].key == "http://lake.example/codes|M0"
    assert KEY not in {one.key for one in found}


def test_what_was_not_seen_for_long_is_forgotten(services: Services):
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, [KEY])
    clean_up(services)
    assert len(listed(services)) == 1
    with services.ledger.transaction() as tx:
        tx.run("UPDATE unmapped_codes SET last_at = transfer.now() - %s", REMEMBERED + timedelta(days=1))
    clean_up(services)

    assert listed(services) == []


def test_a_mapped_code_is_not_noted(services: Services):
    note(services, b.LAKESIDE, CodeUse.DOCUMENT, ["http://loinc.org|2039-6"])

    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM unmapped_codes") == 0


def test_the_code_of_a_release_form_is_noted_and_the_form_is_a_question(services: Services):
    chart = b.a_chart()
    form = letters.release_form(chart, {})
    coding = {"system": "http://lake.example/codes", "code": "PATH7"}
    form["provision"].setdefault("code", []).append({"coding": [coding]})
    b.comes(services, b.LAKESIDE, ArrivalKind.AUTHORIZATION, json.dumps(form).encode(), "application/fhir+json")
    process_all(services)

    (one,) = listed(services)
    assert (one.key, one.use, one.times) == (KEY, CodeUse.CONSENT, 1)
    assert "form-unclear" in {hold.code for hold in b.open_holds(services)}


class OwnCodes(MemoryDocuments):
    """An office whose documents have a code of its own."""

    def documents(self, *asked: Any, **how: Any) -> Iterator[Found | Bad]:
        for one in super().documents(*asked, **how):
            assert isinstance(one, Found)
            code = Coding("http://lake.example/codes", "PATH7")
            yield replace(one, document=replace(one.document, kind=RecordKind.OTHER, code=code))


def test_a_code_of_what_was_fetched_is_noted(ledger: Ledger):
    services = b.new_services(ledger, ask_documents=lambda _: OwnCodes([b"one", b"two"]))
    case = referred(services)
    taken, (asked, *_) = first_step(services, case)
    request(services, taken, asked)

    (one,) = listed(services)
    assert (one.key, one.use, one.times) == (KEY, CodeUse.DOCUMENT, 2)
