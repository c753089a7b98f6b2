"""The trail: lines that are only added, and whose alteration is found."""

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer import facts
from transfer.facts import GENESIS, Chain, Fact, LedgerLine, Origin, first_broken, read, write
from transfer.identifiers import CaseId, PatientId

CASE = Chain.case(CaseId("c00000000000"))
AT = datetime(2026, 11, 21, 1, 2, 3, 456789, tzinfo=UTC)
BY = Origin(process="task", dag="open_case", run="c00000000000.1", task="open_case", attempt=1, code="0.1.0")


def a_chain(length: int) -> list[LedgerLine]:
    lines: list[LedgerLine] = []
    for n in range(1, length + 1):
        fact = facts.NoteAdded(note=f"n{n}", hmac="00")
        lines.append(write(CASE, n, AT + timedelta(seconds=n), BY, fact, lines[-1].hash if lines else GENESIS))
    return lines


def stored(lines: list[LedgerLine]) -> list[tuple[Chain, int, bytes, bytes, bytes]]:
    return [(line.chain, line.sequence, line.text, line.previous, line.hash) for line in lines]


def test_a_line_reads_back_as_it_was_written():
    fact = facts.RequestMade(request="q1", institution="lakeside", department="records-office", lines=("a", "b"))
    line = write(CASE, 1, AT, BY, fact, GENESIS)

    assert read(line.text, line.previous, line.hash) == line


def test_the_hash_covers_every_column_and_the_line_before():
    line = a_chain(2)[1]

    assert line.hash == hashlib.sha256(line.previous + line.text).digest()
    for part in ("chain", "sequence", "at", "by", "kind", "body"):
        assert f'"{part}"'.encode() in line.text


def test_the_same_moment_in_another_zone_is_the_same_text():
    zone = timezone(timedelta(hours=-6))
    fact = facts.CaseClosed(ending="died")

    assert write(CASE, 1, AT, BY, fact, GENESIS).text == write(CASE, 1, AT.astimezone(zone), BY, fact, GENESIS).text


def test_a_line_written_before_names_were_marked_reads_as_claimed_and_keeps_its_text():
    old = (
        b'{"at":"2026-11-21T01:02:03.456789+00:00","body":{"hmac":"00","note":"n1"},"by":{"code":"0.1.0",'
        b'"person":"ann","process":"cli"},"chain":"case:c00000000000","kind":"note-added","sequence":1}'
    )
    line = read(old, GENESIS, hashlib.sha256(GENESIS + old).digest())

    assert (line.by.person, line.by.claimed, line.by.is_claimed) == ("ann", None, True)
    assert write(line.chain, line.sequence, line.at, line.by, line.fact, GENESIS).text == old
    assert first_broken(stored([line])) is None


@pytest.mark.parametrize(
    ("by", "is_claimed"),
    [
        (Origin(process="cli", person="ann", claimed=True), True),
        (Origin(process="desk", person="ann", claimed=False), False),
        (BY, False),
    ],
)
def test_who_wrote_a_line_is_claimed_unless_somebody_made_sure(by: Origin, is_claimed: bool):
    line = write(CASE, 1, AT, by, facts.CaseClosed(ending="died"), GENESIS)

    assert read(line.text, GENESIS, line.hash).by.is_claimed is is_claimed


def test_an_untouched_chain_has_nothing_broken():
    assert first_broken(stored(a_chain(5))) is None
    assert first_broken([]) is None


@given(st.integers(0, 4), st.integers(0, 10_000), st.integers(1, 255))
def test_any_altered_byte_of_any_line_is_found(line: int, place: int, by: int):
    chain = stored(a_chain(5))
    name, sequence, text, previous, digest = chain[line]
    flipped = bytearray(text)
    flipped[place % len(text)] ^= by
    chain[line] = (name, sequence, bytes(flipped), previous, digest)

    assert first_broken(chain) == f"{CASE}: line {line + 1} is not what was written"


def test_a_removed_an_inserted_and_a_reordered_line_are_found():
    chain = stored(a_chain(4))

    assert first_broken(chain[:1] + chain[2:]) == f"{CASE}: line 2 is missing"
    assert first_broken([chain[0], chain[0], *chain[1:]]) is not None
    assert first_broken([chain[1], chain[0], *chain[2:]]) is not None


def test_a_line_that_stands_on_another_than_the_one_before_is_found():
    """Also where its own hash is right: it was made for another chain, or what stood before it was written anew."""
    chain = stored(a_chain(3))
    of, sequence, text, _, _ = chain[1]
    elsewhere = b"\x07" * 32
    moved = (of, sequence, text, elsewhere, hashlib.sha256(elsewhere + text).digest())

    assert first_broken([chain[0], moved]) == f"{CASE}: line 2 is not what was written"
    first = (of, 1, chain[0][2], elsewhere, hashlib.sha256(elsewhere + chain[0][2]).digest())
    assert first_broken([first]) == f"{CASE}: line 1 is not what was written"


def test_a_line_that_is_filed_under_another_kind_or_time_is_found():
    chain = a_chain(2)
    filed = [(json.loads(line.text)["kind"], line.at) for line in chain]

    assert first_broken(stored(chain), filed) is None
    for other in (("another-kind", filed[1][1]), (filed[1][0], filed[1][1] + timedelta(microseconds=1))):
        said = f"{CASE}: line 2 is filed under another kind or time than it was written with"
        assert first_broken(stored(chain), [filed[0], other]) == said


def test_a_chain_is_called_by_what_it_is_of():
    assert Chain.case(CaseId("c11111111111")) == "case:c11111111111"
    assert Chain.patient(PatientId("p" + "a" * 15)) == "patient:p" + "a" * 15
    assert Chain.desk(date(2026, 3, 1)) == "desk:2026-03-01"


def test_a_line_moved_in_from_another_chain_is_found():
    other = Chain.case(CaseId("c11111111111"))
    strange = write(other, 1, AT, BY, facts.CaseClosed(ending="died"), GENESIS)

    assert first_broken([(CASE, 1, strange.text, strange.previous, strange.hash)]) == f"{CASE}: line 1 was moved"


@pytest.mark.parametrize("kind", sorted(Fact.kinds))
def test_every_kind_of_fact_holds_only_plain_values(kind: str):
    plain = ("str", "int", "bool", "str | None", "int | None", "bool | None", "tuple[str, ...]")

    for field in fields(Fact.kinds[kind]):  # type: ignore[arg-type]
        written = field.type.__name__ if isinstance(field.type, type) and not get_args(field.type) else str(field.type)
        assert written in plain, field.name


def test_a_kind_this_version_does_not_know_is_an_error_and_not_skipped():
    line = a_chain(1)[0]
    newer = replace(line, text=line.text.replace(b"note-added", b"note-burned"))

    with pytest.raises(ValueError, match="not a fact"):
        read(newer.text, newer.previous, newer.hash)
