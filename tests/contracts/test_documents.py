"""What every source of documents promises (`transfer.sources.DocumentSource`), whatever it is and however it is asked.

A new kind of source gets a class here that tells it what to hold and how to fail, and stands in `SOURCES`.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.kit.fakes import MemoryDocuments
from tests.kit.peers.hapi import Hapi
from tests.kit.scripted_fhir import (
    LAKESIDE,
    MRN,
    TOKEN,
    WHO,
    Asked,
    Office,
    Said,
    a_patient,
    a_reference,
    an_office,
    as_json,
    searchset,
)
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpLimits
from transfer.embedded import ports
from transfer.errors import ChangedMeanwhile, NeedsReview, TransferError, TurnedAway, Unavailable, Unreachable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import RecordKind
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.institution import Config
from transfer.sandbox.oncology import LakesideOncology, documents, open_institution, resources
from transfer.sandbox.serving import serve
from transfer.sources import Bad, DocumentSource, Found, KeepGoing, PatientFound, go_on
from transfer.staging import CHUNK

pytestmark = pytest.mark.servers

EVERYTHING = frozenset(RecordKind)
LIMITS = HttpLimits(connect_seconds=2, silence_seconds=2.5, page_seconds=20, stream_seconds=20)
#: more than one page, one of them more than one chunk
PAPERS = (*(b"%%PDF-1.7 note %d" % number for number in range(6)), b"%PDF-1.7 scan " + bytes(3 << 20))
#: what each way to fail means, whoever fails in it
MEANING: dict[str, type[TransferError]] = {
    "forbidden": TurnedAway,
    "busy": Unreachable,
    "silent": Unreachable,
    "garbage": NeedsReview,
}


class Holder(ABC):
    """A source that holds documents of one patient, and what a test may do to it."""

    source: DocumentSource
    institution: Institution = LAKESIDE
    who: Demographics = WHO
    #: its documents, each once
    papers: tuple[bytes, ...] = PAPERS
    #: a source at an address where nobody listens; None: it has no address
    nowhere: DocumentSource | None = None

    @abstractmethod
    def fails(self, how: str) -> None:
        """From now on it fails in one of the ways of `MEANING`."""

    def holds_one_that_is_bad(self) -> None:
        """One more entry, which nobody can use."""
        pytest.skip("it cannot be made to hold what is wrong")

    def loses(self, paper: bytes) -> None:
        """The bytes of one document are gone; it is still listed."""
        pytest.skip("it cannot be made to lose what it lists")

    def says_of_all(self, content_type: str) -> None:
        """Of each document it says this media type."""
        pytest.skip("it cannot be made to say what type a document is of")


class Scripted(Holder):
    """FHIR, by a server that says what is written here: two entries a page."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lost: set[int] = set()
        self._bad: list[dict[str, object]] = []
        self._content_type = "application/pdf"
        self.source = FhirSourceClient(office.base, TOKEN, http=LIMITS)
        self.nowhere = FhirSourceClient("http://127.0.0.1:1/fhir", TOKEN, http=LIMITS)
        office.answers = self._answers

    def fails(self, how: str) -> None:
        self._office.answers = {
            "forbidden": lambda _: Said(403),
            "busy": lambda _: Said(503, headers={"Retry-After": "7"}),
            "silent": lambda _: Said(stream=lambda _: time.sleep(8)),
            "garbage": lambda _: Said(body=b"<html>Quillfeather, please log in"),
        }[how]

    def holds_one_that_is_bad(self) -> None:
        self._bad = [a_reference("bad", data="AAAA") | {"inventedHere": "x"}]

    def loses(self, paper: bytes) -> None:
        self._lost.add(self.papers.index(paper))

    def says_of_all(self, content_type: str) -> None:
        self._content_type = content_type

    def _answers(self, asked: Asked) -> Said | None:
        if "/Patient" in asked.path:
            number = asked.form.get("identifier", ["||"])[0].rpartition("|")[2]
            is_known = number == "0042" or asked.form.get("family") == ["Quillfeather"]
            return as_json(searchset(*([a_patient()] if is_known else [])))
        if "/Binary/" in asked.path:
            number = int(asked.path.rpartition("/")[2])
            return None if number in self._lost else Said(body=self.papers[number], content_type=self._content_type)
        if "DocumentReference" not in asked.path and "page" not in asked.query:
            return as_json(searchset())
        at = int(asked.query.get("page", ["0"])[0])
        held = self._bad + [self._reference(n) for n in range(len(self.papers))]
        following = f"{self._office.base}?page={at + 2}" if at + 2 < len(held) else None
        return as_json(searchset(*held[at : at + 2], following=following))

    def _reference(self, number: int) -> dict[str, object]:
        attachment = {"contentType": self._content_type, "url": f"Binary/{number}"}
        return a_reference(str(number), content=[{"attachment": attachment}])


class Sandbox(Holder):
    """FHIR, by the stand-in office, which shares no code with us: four entries a page."""

    def __init__(self, lakeside: LakesideOncology) -> None:
        self._lakeside = lakeside
        chart = draw_chart(seed=9)
        lakeside.admit(chart)
        (patient,) = resources.of("Patient", chart, "")
        (name,) = patient["name"][:1]
        self.who = Demographics(
            names=(PersonName(name["family"], tuple(name["given"])),),
            birth_date=date.fromisoformat(patient["birthDate"]),
            sex=patient["gender"],
            identifiers=tuple(IssuedIdentifier(one["system"], one["value"]) for one in patient["identifier"]),
        )
        self.papers = tuple(one.content for one in documents.documents(chart))
        self.source = FhirSourceClient(f"http://127.0.0.1:{lakeside.config.port}/fhir", TOKEN, http=LIMITS)
        self.nowhere = FhirSourceClient("http://127.0.0.1:1/fhir", TOKEN, http=LIMITS)

    def fails(self, how: str) -> None:
        self._lakeside.behaviour |= {"answer": "error-503" if how == "busy" else how, "retry_after": 7}


class RealHapi(Holder):
    """FHIR, by HAPI: twenty entries a page."""

    def __init__(self, hapi: Hapi) -> None:
        self._hapi = hapi
        hapi.forget_everything()
        hapi.put(a_patient())
        for number, paper in enumerate(self.papers):
            address = hapi.put_bytes(f"b-{number}", paper, "application/pdf")
            hapi.put(a_reference(f"d-{number}", url=address))
        self.source = FhirSourceClient(hapi.base, hapi.token, http=replace(LIMITS, silence_seconds=20))

    def fails(self, how: str) -> None:
        if how != "forbidden":
            pytest.skip("HAPI does not fail when it is told to")
        self.source = FhirSourceClient(self._hapi.base, "guessed", http=LIMITS)

    def loses(self, paper: bytes) -> None:
        self._hapi.ask("DELETE", f"{self._hapi.base}/Binary/b-{self.papers.index(paper)}")


class Memory(Holder):
    """The fake that tests of the flow ask."""

    def __init__(self) -> None:
        self._documents = self.source = MemoryDocuments(list(self.papers), patient=WHO)

    def fails(self, how: str) -> None:
        error = {"busy": Unreachable("busy", retry_after=7)}.get(how) or MEANING[how](how)
        self._documents.fails = error

    def holds_one_that_is_bad(self) -> None:
        self._documents.bad = 1

    def loses(self, paper: bytes) -> None:
        self._documents.lost.add(self.papers.index(paper))


@contextmanager
def scripted(_: pytest.FixtureRequest) -> Iterator[Holder]:
    with an_office() as office:
        yield Scripted(office)


@contextmanager
def sandbox(request: pytest.FixtureRequest) -> Iterator[Holder]:
    folder: Path = request.getfixturevalue("tmp_path")
    port = ports.free(["lakeside"])["lakeside"]
    unused = {"control_token": "control", "gateway_url": "http://127.0.0.1:9", "gateway_token": "shown"}
    lakeside, ready = (
        open_institution(Config(port=port, folder=folder, accepts_token=TOKEN, **unused)),
        threading.Event(),
    )
    serving = threading.Thread(target=serve, args=(lakeside, ready), daemon=True)
    serving.start()
    assert ready.wait(10)
    yield Sandbox(lakeside)
    lakeside.stopping.set()
    serving.join()


@contextmanager
def real_hapi(request: pytest.FixtureRequest) -> Iterator[Holder]:
    yield RealHapi(request.getfixturevalue("hapi"))


@contextmanager
def memory(_: pytest.FixtureRequest) -> Iterator[Holder]:
    yield Memory()


SOURCES = (memory, scripted, sandbox, real_hapi)


@pytest.fixture(params=SOURCES, ids=lambda made: made.__name__)
def held(request: pytest.FixtureRequest) -> Iterator[Holder]:
    with request.param(request) as holder:
        yield holder


def them(held: Holder) -> PatientFound:
    found = held.source.find_patient(held.who, held.institution)
    assert found
    return found


def all_of(held: Holder, keep_going: KeepGoing = go_on, kinds: frozenset[RecordKind] = EVERYTHING) -> list[Found | Bad]:
    return list(held.source.documents(them(held), held.institution, kinds, keep_going=keep_going))


def only(listed: list[Found | Bad]) -> list[Found]:
    """All of them are documents."""
    assert not [one for one in listed if isinstance(one, Bad)]
    return [one for one in listed if isinstance(one, Found)]


def content(one: Found) -> bytes:
    return b"".join(one.files[0].read())


def stopped_after(looks: int) -> KeepGoing:
    left = iter(range(looks))

    def keep_going() -> None:
        if next(left, None) is None:
            raise ChangedMeanwhile("the epoch moved")

    return keep_going


# --- the patient ------------------------------------------------------------------------------------------------------


def test_a_patient_is_found_by_a_number_of_the_sources_own(held: Holder):
    found = held.source.find_patient(Demographics(identifiers=held.who.identifiers[:1]), held.institution)

    assert found
    assert held.who.identifiers[0] in found.demographics.identifiers
    assert found.demographics.names[0].folded == held.who.names[0].folded


def test_who_is_not_known_by_number_is_found_by_name_and_birth_date(held: Holder):
    unknown = replace(held.who, identifiers=(IssuedIdentifier(MRN, "not-there"),))

    found = held.source.find_patient(unknown, held.institution)

    assert found
    assert found.id == them(held).id


def test_who_is_not_there_is_not_found_and_that_is_no_error(held: Holder):
    nobody = Demographics(
        names=(PersonName("Nobody", ("Nowhere",)),),
        birth_date=date(1900, 1, 1),
        identifiers=(IssuedIdentifier(MRN, "not-there"),),
    )

    assert held.source.find_patient(nobody, held.institution) is None


def test_without_a_number_or_a_birth_date_nobody_is_looked_for(held: Holder):
    with pytest.raises(NeedsReview):
        held.source.find_patient(Demographics(names=held.who.names), held.institution)


# --- the documents ----------------------------------------------------------------------------------------------------


def test_every_document_comes_once_and_to_the_byte(held: Holder):
    found = only(all_of(held))

    assert sorted(map(content, found)) == sorted(held.papers)
    assert all(one.sources for one in found)
    assert len({min(one.sources) for one in found}) == len(held.papers)


def test_no_more_than_a_chunk_is_held_at_once(held: Holder):
    chunks = [[len(chunk) for chunk in one.files[0].read()] for one in only(all_of(held))]

    assert len(chunks) == len(held.papers)
    assert all(0 < max(sizes) <= CHUNK for sizes in chunks)


def test_asked_twice_it_says_and_gives_the_same(held: Holder):
    first, again = only(all_of(held)), only(all_of(held))

    assert [(one.document, one.sources) for one in first] == [(one.document, one.sources) for one in again]
    assert [content(one) for one in first] == [content(one) for one in first] == [content(one) for one in again]


def test_only_the_kinds_asked_for_come_and_those_that_are_not_known(held: Holder):
    wanted = frozenset({RecordKind.LABORATORY})

    assert {one.document.kind for one in only(all_of(held, kinds=wanted))} <= wanted | {RecordKind.OTHER}


@pytest.mark.parametrize("said", ["application/quillfeather", "Quillfeather, Odalys"])
def test_a_media_type_that_nobody_else_uses_is_just_bytes(held: Holder, said: str):
    """It stands in clear in the ledger, and a source's own word could be a name."""
    held.says_of_all(said)

    found = only(all_of(held))

    assert {one.document.content_type for one in found} == {"application/octet-stream"}
    assert sorted(map(content, found)) == sorted(held.papers)


def test_a_bad_entry_does_not_stop_the_others(held: Holder):
    held.holds_one_that_is_bad()

    listed = all_of(held)

    (bad,) = [one for one in listed if isinstance(one, Bad)]
    assert bad.reason
    assert sorted(content(one) for one in listed if isinstance(one, Found)) == sorted(held.papers)


def test_a_document_that_is_gone_does_not_stop_the_others(held: Holder):
    found = only(all_of(held))
    (gone,) = [one for one in found if content(one) == held.papers[2]]
    held.loses(held.papers[2])

    with pytest.raises((NeedsReview, Unavailable)):
        content(gone)
    assert sorted(content(one) for one in found if one is not gone) == sorted({*held.papers} - {held.papers[2]})


# --- failures, and an end ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", MEANING)
def test_each_failure_is_told_apart_and_none_is_an_empty_answer(held: Holder, how: str):
    patient = them(held)
    held.fails(how)
    began = time.monotonic()
    asking: list[Callable[[], object]] = [
        lambda: held.source.find_patient(held.who, held.institution),
        lambda: list(held.source.documents(patient, held.institution, EVERYTHING)),
    ]

    for ask in asking:
        with pytest.raises(MEANING[how]) as caught:
            ask()
        assert how != "busy" or (isinstance(caught.value, Unavailable) and caught.value.retry_after == 7)
        assert held.who.names[0].family not in str(caught.value)
    assert time.monotonic() - began < 2 * LIMITS.silence_seconds + 5


def test_a_source_that_is_not_there_is_unreachable(held: Holder):
    if held.nowhere is None:
        pytest.skip("it has no address")

    with pytest.raises(Unreachable):
        held.nowhere.find_patient(held.who, held.institution)


def test_a_search_that_may_not_go_on_ends_at_once(held: Holder):
    patient = them(held)

    with pytest.raises(ChangedMeanwhile):
        held.source.find_patient(held.who, held.institution, keep_going=stopped_after(0))
    for looks in range(3):
        with pytest.raises(ChangedMeanwhile):
            list(held.source.documents(patient, held.institution, EVERYTHING, keep_going=stopped_after(looks)))


def test_it_is_looked_at_least_every_mebibyte_of_a_document_whether_to_go_on(held: Holder):
    looks: list[int] = []
    found = only(all_of(held, keep_going=lambda: looks.append(1)))

    assert len(found) == len(held.papers)
    for one in found:
        looks.clear()
        size = sum(map(len, one.files[0].read()))
        assert len(looks) >= max(1, size >> 20)


def test_a_document_that_may_not_go_on_ends_within_a_mebibyte(held: Holder):
    stopped = threading.Event()

    def unless_stopped() -> None:
        if stopped.is_set():
            raise ChangedMeanwhile("the epoch moved")

    longest = max(only(all_of(held, keep_going=unless_stopped)), key=lambda one: len(content(one)))
    chunks = longest.files[0].read()
    came = next(chunks)
    stopped.set()
    if len(came) == max(map(len, held.papers)):
        chunks = longest.files[0].read()

    with pytest.raises(ChangedMeanwhile):
        next(chunks)
