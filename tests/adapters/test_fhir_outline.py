"""The outline of a body says the same as the body, in a few megabytes of memory whatever is attached to it."""

import base64
import json
import os
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from transfer.adapters.fhir import inbound, trees
from transfer.adapters.fhir.outline import MOST, outline
from transfer.adapters.fhir.trees import parse, weigh
from transfer.adapters.json_limits import MAX_STRUCTURAL_CHARACTERS
from transfer.errors import TooLarge

CHUNK = 1 << 20


def pieces(body: bytes, size: int = CHUNK) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def a_form(data: str, **more: object) -> dict[str, object]:
    number = {"system": "urn:forms", "value": "F-1"}
    attachment = {"contentType": "application/pdf", "data": data}
    return {
        "resourceType": "Consent",
        "status": "active",
        "identifier": [number],
        "sourceAttachment": attachment,
        **more,
    }


@pytest.mark.parametrize("size", [997, 64 << 10, CHUNK])
def test_a_message_is_sorted_by_its_outline_as_by_itself(size):
    body = json.dumps(a_form(base64.b64encode(os.urandom(3 << 20)).decode(), title="Zoë 😀")).encode()

    short = outline(pieces(body, size))

    assert len(short) < 300_000
    assert inbound.sort(short, "a" * 64).form is inbound.sort(body).form
    assert parse(short)["title"] == "Zoë 😀"


@pytest.mark.parametrize(
    "escape",
    [
        lambda text: text.replace("/", "\\/"),
        lambda text: "\\r\\n".join(text[n : n + 76] for n in range(0, len(text), 76)),
    ],
    ids=["slashes escaped", "lines broken"],
)
def test_an_attachment_written_with_escapes_is_left_out_as_well(escape):
    data = base64.b64encode(os.urandom(2 << 20)).decode()
    body = json.dumps(a_form("HERE")).replace("HERE", escape(data)).encode()

    short = outline(pieces(body))

    assert len(short) < 300_000
    assert parse(short)["identifier"] == [{"system": "urn:forms", "value": "F-1"}]


def test_what_stands_around_an_attachment_is_all_kept():
    body = json.dumps([a_form("QUFB" * 100_000, note=str(number)) for number in range(5)]).encode()

    notes = [each["note"] for each in json.loads(outline(pieces(body, 4099)))]

    assert notes == ["0", "1", "2", "3", "4"]


def test_a_short_message_is_its_own_outline():
    body = json.dumps(a_form("QUFB" * 10)).encode()

    assert outline(pieces(body, 7)) == body


def test_an_outline_that_is_long_itself_is_refused_before_it_is_all_read():
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b'{"a":"b c, d"},' * 65_536

    with pytest.raises(TooLarge):
        outline(endless())
    assert len(read) <= MOST // CHUNK + 1


def test_thirty_megabytes_cost_no_more_than_a_few():
    piece = b"QUFB" * (CHUNK // 4)
    tracemalloc.start()
    outline([b'{"data":"', *([piece] * 30), b'"}'])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 16 << 20


@pytest.mark.parametrize("many", [b"[],", b'{"a":{}},', b'"aa",', b"1,"])
def test_small_things_without_number_are_refused_unread(many):
    body = b'{"resourceType":"Bundle","entry":[' + many * MAX_STRUCTURAL_CHARACTERS + b"0]}"
    tracemalloc.start()
    with pytest.raises(TooLarge):
        parse(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1 << 20


def test_another_document_under_the_number_of_an_earlier_set_is_another_message():
    """Taken for a repetition it would be acknowledged and lost."""

    def a_set(data: str) -> bytes:
        number = {"system": "urn:sets", "value": "1"}
        folder = {"resourceType": "List", "identifier": [number]}
        document = {"resourceType": "DocumentReference", "content": [{"attachment": {"data": data}}]}
        entries = [{"resource": folder}, {"resource": document}]
        return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()

    first, again, other = (inbound.sort(a_set(data)).key for data in ("QUFB", "QUFB", "QkJC"))

    assert first == again != other


def test_runs_a_little_too_short_to_be_left_out_take_no_longer_than_others():
    body = (b'{"data":"' + b"A" * 65_000 + b'"},') * 60
    began = time.process_time()

    assert outline(pieces(body)) == body
    assert time.process_time() - began < 20


def test_one_wide_character_does_not_make_a_long_text_four_times_as_long_in_memory():
    long = b'{"resourceType":"Basic","id":"' + b"a" * (20 << 20) + b'"}'
    wide = long.replace(b"aa", "\U0001f600".encode(), 1)

    assert parse(long)["id"]
    tracemalloc.start()
    with pytest.raises(TooLarge):
        parse(wide)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20


@pytest.mark.parametrize("character", ["a", "é", "–", "🜁"])
@pytest.mark.parametrize("more", [0, 1])
def test_what_the_door_takes_for_its_weight_is_read_later_and_the_rest_refused_before_it_is_stored(
    character: str, more: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trees, "MAX_DECODED", 1 << 16)
    width = {"–": 2, "🜁": 4}.get(character, 1)
    start = json.dumps({"resourceType": "Consent", "text": character}, ensure_ascii=False).encode()[:-2]
    body = start.ljust((1 << 16) // width + more - 2, b"x") + b'"}'
    chunks = [body[at : at + 999] for at in range(0, len(body), 999)]

    if more:
        with pytest.raises(TooLarge):
            parse(body)
        with pytest.raises(TooLarge):
            weigh(chunks)
    else:
        weigh(chunks)
        assert parse(body)["resourceType"] == "Consent"


def test_one_text_with_too_much_in_it_is_refused_however_it_is_cut():
    body = b'{"a":[' + b"1," * MAX_STRUCTURAL_CHARACTERS + b"1]}"
    with pytest.raises(TooLarge):
        weigh(body[at : at + 1000] for at in range(0, len(body), 1000))
