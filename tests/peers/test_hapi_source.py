"""Asking a real FHIR server (HAPI) for a patient's documents."""

import base64
import hashlib
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.kit.peers.hapi import Hapi
from tests.kit.scripted_fhir import LAKESIDE, MRN, WHO, a_patient, a_reference, a_report
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpLimits
from transfer.errors import ChangedMeanwhile, NeedsReview, TurnedAway, Unexpected
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import RecordKind
from transfer.sources import Bad, Found, PatientFound

pytestmark = pytest.mark.servers

EVERYTHING = frozenset(RecordKind)
#: HAPI gives twenty entries a page
PAGES = 45


@pytest.fixture
def source(hapi: Hapi) -> Iterator[FhirSourceClient]:
    with closing(FhirSourceClient(hapi.base, hapi.token, http=HttpLimits(page_seconds=60))) as client:
        yield client


@pytest.fixture
def someone(hapi: Hapi) -> "Someone":
    """A patient of this test alone."""
    return Someone(hapi)


class Someone:
    def __init__(self, hapi: Hapi) -> None:
        self.hapi = hapi
        mark = uuid.uuid4().hex
        self.id = f"p-{mark[:12]}"
        letters = "".join(chr(ord("a") + int(digit, 16)) for digit in mark[:8])
        name = PersonName(f"Quill{letters}", ("Odalys",))
        self.who = replace(WHO, names=(name,), identifiers=(IssuedIdentifier(MRN, mark),))
        hapi.put(self.resource())

    def resource(self, **said: Any) -> dict[str, Any]:
        named = {"family": self.who.names[0].family, "given": ["Odalys"]}
        plain = {"identifier": [{"system": MRN, "value": self.who.identifiers[0].value}], "name": [named]}
        everything: dict[str, Any] = {"number": self.id} | plain | said
        return a_patient(**everything)

    @property
    def subject(self) -> dict[str, str]:
        return {"reference": f"Patient/{self.id}"}

    @property
    def found(self) -> PatientFound:
        url = f"{self.hapi.base}/Patient/{self.id}"
        return PatientFound(id=self.id, url=url, demographics=self.who)

    def note(self, number: int | str, content: bytes, *, absolute: bool = True) -> None:
        """A note whose bytes lie in a Binary."""
        name = f"{self.id}-{number}"
        address = self.hapi.put_bytes(f"b-{name}", content, "application/pdf")
        url = address if absolute else f"Binary/b-{name}"
        self.hapi.put(a_reference(f"d-{name}", url=url, subject=self.subject))

    def notes(self, count: int) -> None:
        for number in range(count):
            self.note(number, b"%d" % number)


def all_of(source: FhirSourceClient, someone: Someone, **how: Any) -> list[Found | Bad]:
    return list(source.documents(someone.found, LAKESIDE, EVERYTHING, **how))


def contents(found: list[Found | Bad]) -> list[bytes]:
    assert all(isinstance(each, Found) for each in found), found
    return [b"".join(file.read()) for each in found if isinstance(each, Found) for file in each.files]


# --- the patient -----------------------------------------------------------------------------------------------


def test_a_patient_is_found_by_the_number_an_issuer_gave(source: FhirSourceClient, someone: Someone) -> None:
    found = source.find_patient(Demographics(identifiers=someone.who.identifiers), LAKESIDE)

    assert found == someone.found


def test_the_same_number_of_another_issuer_finds_nobody(source: FhirSourceClient, someone: Someone) -> None:
    theirs = IssuedIdentifier("urn:oid:9.9.9", someone.who.identifiers[0].value)

    assert source.find_patient(Demographics(identifiers=(theirs,)), LAKESIDE) is None


def test_a_patient_without_a_known_number_is_found_by_name_and_birth_date(
    source: FhirSourceClient, someone: Someone
) -> None:
    who = replace(someone.who, identifiers=(IssuedIdentifier(MRN, "not-there"),))

    found = source.find_patient(who, LAKESIDE)

    assert found
    assert found.id == someone.id
    assert source.find_patient(replace(who, birth_date=date(1960, 2, 3)), LAKESIDE) is None


def test_two_with_the_name_and_birth_date_are_for_a_person_to_decide(
    source: FhirSourceClient, someone: Someone, hapi: Hapi
) -> None:
    hapi.put(someone.resource(number=f"{someone.id}-other", identifier=[{"system": MRN, "value": "another"}]))

    with pytest.raises(NeedsReview):
        source.find_patient(replace(someone.who, identifiers=()), LAKESIDE)


def test_a_record_merged_into_the_patients_is_not_a_second_patient(
    source: FhirSourceClient, someone: Someone, hapi: Hapi
) -> None:
    link = [{"other": someone.subject, "type": "replaced-by"}]
    hapi.put(someone.resource(number=f"{someone.id}-old", link=link))

    found = source.find_patient(someone.who, LAKESIDE)

    assert found
    assert found.id == someone.id


def test_a_number_with_signs_that_mean_something_in_a_search_is_found(source: FhirSourceClient, hapi: Hapi) -> None:
    odd = f"a|b,c$d\\e {uuid.uuid4()}"
    hapi.put(a_patient(f"p-{uuid.uuid4().hex[:12]}", identifier=[{"system": MRN, "value": odd}]))

    found = source.find_patient(Demographics(identifiers=(IssuedIdentifier(MRN, odd),)), LAKESIDE)

    assert found
    assert found.demographics.identifiers == (IssuedIdentifier(MRN, odd),)


# --- the documents ---------------------------------------------------------------------------------------------


def test_a_patient_without_documents_has_none(source: FhirSourceClient, someone: Someone) -> None:
    assert all_of(source, someone) == []


def test_documents_over_several_pages_all_come_each_once(source: FhirSourceClient, someone: Someone) -> None:
    someone.notes(PAGES)

    assert sorted(contents(all_of(source, someone)), key=int) == [b"%d" % number for number in range(PAGES)]


def test_documents_of_somebody_else_do_not_come(source: FhirSourceClient, someone: Someone, hapi: Hapi) -> None:
    Someone(hapi).note("theirs", b"theirs")
    someone.note("own", b"own")

    assert contents(all_of(source, someone)) == [b"own"]


@pytest.mark.parametrize("absolute", [True, False])
def test_five_megabytes_come_to_the_byte(source: FhirSourceClient, someone: Someone, absolute: bool) -> None:
    scan = random.Random(5).randbytes(5 << 20)
    someone.note("scan", scan, absolute=absolute)

    assert contents(all_of(source, someone)) == [scan]


def test_a_document_sent_inside_its_resource_comes_to_the_byte(
    source: FhirSourceClient, someone: Someone, hapi: Hapi
) -> None:
    scan = random.Random(6).randbytes(300_000)
    data, sha1 = base64.b64encode(scan).decode(), hashlib.sha1(scan, usedforsecurity=False).digest()
    attachment = {"contentType": "application/pdf", "data": data, "hash": base64.b64encode(sha1).decode()}
    hapi.put(a_reference(f"d-{someone.id}", subject=someone.subject, content=[{"attachment": attachment}]))

    assert contents(all_of(source, someone)) == [scan]


def test_a_report_that_is_nothing_but_its_results_comes_with_them(
    source: FhirSourceClient, someone: Someone, hapi: Hapi
) -> None:
    value = {"system": "http://loinc.org", "code": "2039-6"}
    observation = {"resourceType": "Observation", "id": f"o-{someone.id}", "status": "final"}
    hapi.put(observation | {"code": {"coding": [value]}, "subject": someone.subject})
    result = [{"reference": f"Observation/o-{someone.id}"}]
    hapi.put(a_report(f"r-{someone.id}", subject=someone.subject, result=result))

    (content,) = contents(all_of(source, someone))

    assert b"2039-6" in content


def test_a_report_filed_under_two_categories_comes_once(source: FhirSourceClient, someone: Someone, hapi: Hapi) -> None:
    address = hapi.put_bytes(f"b-{someone.id}", b"report", "application/pdf")
    categories = [{"coding": [{"system": "http://loinc.org", "code": code}]} for code in ("LP29684-5", "LP7839-6")]
    report = a_report(f"r-{someone.id}", url=address, subject=someone.subject)
    hapi.put(report | {"category": categories})

    assert contents(all_of(source, someone)) == [b"report"]


def test_a_document_deleted_since_it_was_listed_is_an_error_and_not_empty(
    source: FhirSourceClient, someone: Someone, hapi: Hapi
) -> None:
    someone.note("gone", b"gone")
    (found,) = all_of(source, someone)
    assert isinstance(found, Found)
    hapi.ask("DELETE", f"{hapi.base}/Binary/b-{someone.id}-gone")

    with pytest.raises(Unexpected):
        list(found.files[0].read())


# --- doors that close ------------------------------------------------------------------------------------------


def test_a_token_that_is_not_known_is_turned_away_and_not_answered_with_nothing(hapi: Hapi, someone: Someone) -> None:
    for token in ("guessed", None):
        with closing(FhirSourceClient(hapi.base, token)) as client:
            with pytest.raises(TurnedAway):
                client.find_patient(someone.who, LAKESIDE)
            with pytest.raises(TurnedAway):
                all_of(client, someone)


def test_pages_that_expire_while_they_are_read_are_read_from_the_start_and_nothing_comes_twice(
    source: FhirSourceClient, hapi: Hapi
) -> None:
    someone = Someone(hapi)
    someone.notes(PAGES)

    def anew() -> None:
        hapi.forget_everything()
        hapi.put(someone.resource())
        someone.notes(PAGES)

    found = all_of(source, someone, keep_going=at_call(2, anew))

    assert sorted(contents(found), key=int) == [b"%d" % number for number in range(PAGES)]


def test_a_fetch_that_may_not_go_on_stops_between_pages(source: FhirSourceClient, someone: Someone) -> None:
    someone.notes(PAGES)

    def stop() -> None:
        raise ChangedMeanwhile("another worker has it")

    with pytest.raises(ChangedMeanwhile):
        all_of(source, someone, keep_going=at_call(2, stop))


def at_call(number: int, act: Callable[[], None]) -> Callable[[], None]:
    """Does something at the n-th time it is called, and nothing at any other."""
    calls = iter(range(1, 1_000_000))

    def keep_going() -> None:
        if next(calls) == number:
            act()

    return keep_going
