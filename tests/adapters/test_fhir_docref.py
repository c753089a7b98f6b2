"""Documents that a source makes when it is asked for them (US Core `$docref`), where it says that it does."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.kit.scripted_fhir import (
    LAKESIDE,
    LIMITS,
    TOKEN,
    WHO,
    Asked,
    Office,
    Said,
    a_reference,
    an_office,
    as_json,
    searchset,
)
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.errors import Unreachable
from transfer.records import RecordKind
from transfer.sources import Bad, PatientFound

pytestmark = pytest.mark.servers

OFFERED = {"name": "docref", "definition": "http://hl7.org/fhir/us/core/OperationDefinition/docref|7.0.0"}


def capabilities(*operations: dict[str, str], at_rest: bool = False) -> dict[str, Any]:
    rest: dict[str, Any] = {"mode": "server", "resource": [{"type": "Patient"}, {"type": "DocumentReference"}]}
    (rest if at_rest else rest["resource"][1])["operation"] = list(operations)
    return {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "rest": [rest]}


def made(number: str) -> dict[str, Any]:
    return a_reference(
        number, data="QSBzdW1tYXJ5", type={"coding": [{"system": "http://loinc.org", "code": "34133-9"}]}
    )


@pytest.fixture
def office() -> Iterator[Office]:
    with an_office() as running:
        yield running


def that(
    statement: object | None, docref: Said | None, listed: tuple[dict[str, Any], ...] = ()
) -> Callable[[Asked], Said | None]:
    """A server that says this of itself, and answers `$docref` so."""

    def answers(asked: Asked) -> Said | None:
        if asked.path.endswith("/metadata"):
            return None if statement is None else as_json(statement)
        if asked.path.endswith("/DocumentReference/$docref"):
            return docref
        if asked.path.endswith("/DocumentReference/_search"):
            return as_json(searchset(*listed))
        return as_json(searchset())

    return answers


def given(office: Office) -> list[str]:
    """The ids of the documents that are given."""
    them = PatientFound(id="p1", url=f"{office.base}/Patient/p1", demographics=WHO)
    with closing(FhirSourceClient(office.base, TOKEN, http=LIMITS)) as client:
        found = list(client.documents(them, LAKESIDE, frozenset(RecordKind)))
    assert not [one for one in found if isinstance(one, Bad)]
    return sorted(min(one.sources).rpartition("/")[2] for one in found if not isinstance(one, Bad))


def asked_docref(office: Office) -> list[dict[str, list[str]]]:
    return [one.query for one in office.asked if one.path.endswith("$docref")]


@pytest.mark.parametrize("at_rest", [False, True])
def test_what_is_made_when_asked_for_comes_beside_what_is_listed(office: Office, at_rest: bool):
    office.answers = that(
        capabilities(OFFERED, at_rest=at_rest), as_json(searchset(made("ccd"), made("1"))), (made("1"), made("2"))
    )

    assert given(office) == ["1", "2", "ccd"]
    # Without a start the most recent one alone is meant.
    assert asked_docref(office) == [{"patient": ["p1"], "start": ["1900-01-01"]}]


@pytest.mark.parametrize(
    "statement",
    [
        None,
        capabilities(),
        capabilities({"name": "docref", "definition": "http://elsewhere.example/docref"}),
        {"resourceType": "OperationOutcome"},
        {"resourceType": "CapabilityStatement", "rest": "all of it"},
        {"resourceType": "CapabilityStatement", "rest": [{"resource": [3, {"type": "DocumentReference"}]}]},
    ],
)
def test_a_server_that_does_not_offer_it_is_not_asked_for_it(office: Office, statement: object | None):
    office.answers = that(statement, as_json(searchset(made("ccd"))), (made("1"),))

    assert given(office) == ["1"]
    assert asked_docref(office) == []


@pytest.mark.parametrize(
    "docref",
    [None, Said(400), Said(403), Said(501), Said(body=b"no"), as_json({"resourceType": "Parameters"})],
    ids=["404", "400", "403", "501", "no JSON", "no bundle"],
)
def test_one_that_offers_it_and_does_not_do_it_gives_what_its_search_gives(office: Office, docref: Said | None):
    office.answers = that(capabilities(OFFERED), docref, (made("1"),))

    assert given(office) == ["1"]


def test_one_that_cannot_say_now_what_it_offers_is_asked_when_it_can(office: Office):
    answers = that(capabilities(OFFERED), as_json(searchset(made("ccd"))), (made("1"),))
    busy = [Said(429, headers={"Retry-After": "7"})]
    office.answers = lambda asked: busy.pop() if busy and asked.path.endswith("/metadata") else answers(asked)

    with pytest.raises(Unreachable) as told:
        given(office)
    assert told.value.retry_after == 7
    assert given(office) == ["1", "ccd"]


def test_one_that_never_says_what_it_offers_gives_what_its_search_gives(office: Office):
    answers = that(None, None, (made("1"),))
    office.answers = lambda asked: Said(500) if asked.path.endswith("/metadata") else answers(asked)

    assert given(office) == ["1"]


def test_one_that_cannot_now_is_asked_again_later(office: Office):
    office.answers = that(capabilities(OFFERED), Said(503, headers={"Retry-After": "120"}), (made("1"),))

    with pytest.raises(Unreachable) as told:
        given(office)
    assert told.value.retry_after == 120
