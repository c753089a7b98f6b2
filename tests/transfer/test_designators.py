"""MSH-3 and MSH-4 as HL7 names applications and facilities, and files that could not tell two institutions apart."""

from itertools import combinations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from transfer.designators import Designator
from transfer.doors import MllpDoor
from transfer.institutions import Institution, Institutions

read = Designator.read


@pytest.mark.parametrize(
    ("ours", "sent", "is_it"),
    [
        ("COMMHOSP", "COMMHOSP", True),
        ("COMMHOSP", "COMMHOSP^2.16.840.1.113883.19^ISO", True),
        ("COMMHOSP^2.16.840.1.113883.19^ISO", "COMMHOSP^2.16.840.1.113883.19^ISO", True),
        ("COMMHOSP^2.16.840.1.113883.19^ISO", "COMMHOSP", False),
        ("^2.16.840.1.113883.19^ISO", "COMMHOSP^2.16.840.1.113883.19^ISO", True),
        ("^2.16.840.1.113883.19^ISO", "^2.16.840.1.113883.19^iso", True),
        ("^2.16.840.1.113883.19^ISO", "^2.16.840.1.113883.19^DNS", False),
        ("^2.16.840.1.113883.19^ISO", "^2.16.840.1.113883.1^ISO", False),
        ("^lab.example.org^DNS", "^LAB.Example.org^DNS", True),
        ("^0D2A-FF^UUID", "^0d2a-ff^UUID", True),
        ("COMMHOSP", "CommHosp", False),
        ("COMMHOSP", "COMMHOSP  ", True),
        ("COMMHOSP", " COMMHOSP", False),
        ("COMMHOSP ", "COMMHOSP", True),
        ("COMMHOSP", "COMMHOSP2", False),
        ("COMMHOSP", "", False),
        ("COMMHOSP", "^COMMHOSP", False),
    ],
)
def test_who_is_meant(ours: str, sent: str, is_it: bool):
    assert read(ours).covers(read(sent)) is is_it


def test_a_message_brings_its_own_separator():
    assert read("COMMHOSP^2.16^ISO").covers(read("COMMHOSP:2.16:ISO", ":"))
    assert not read("COMMHOSP").covers(read("COMMHOSP^2.16^ISO", ":"))


@pytest.mark.parametrize("said", ["", "  ", "^2.16.840.1", "^^ISO", "A^2.16", "^^"])
def test_a_file_that_names_nobody_is_a_mistake(said: str):
    for names in ((said, "B"), ("A", said)):
        with pytest.raises(ValidationError, match="a name, or an id with its type"):
            MllpDoor(port=2575, sending_application=names[0], sending_facility=names[1])


PARTS = st.tuples(st.sampled_from(["", "A", "B"]), st.sampled_from(["", "1", "2"]), st.sampled_from(["", "ISO", "DNS"]))
NAMES = PARTS.map("^".join)
SAID = NAMES.filter(lambda name: read(name).is_said)


@given(st.lists(st.tuples(st.integers(1, 2), SAID, SAID), max_size=5), st.tuples(NAMES, NAMES))
@example([(1, "A", "B"), (1, "^1^ISO", "B")], ("A^1^ISO", "B"))
def test_a_message_is_at_most_one_institutions_where_the_files_are_taken(
    doors: list[tuple[int, str, str]], sent: tuple[str, str]
):
    partners = [
        Institution(
            id=f"partner-{number}",
            name="P",
            time_zone="UTC",
            mllp_door={"port": port, "sending_application": application, "sending_facility": facility},
        )
        for number, (port, application, facility) in enumerate(doors)
    ]
    try:
        taken = Institutions(partners)
    except ValueError:
        # not without a reason: something could be sent that is two's
        on_one_port = [(a.mllp_door, b.mllp_door) for a, b in combinations(partners, 2)]
        assert any(a.port == b.port and a.meets(b) for a, b in on_one_port if a and b)
        return
    header = read(sent[0]), read(sent[1])
    for port in (1, 2):
        here = [each.mllp_door for each in taken.values() if each.mllp_door and each.mllp_door.port == port]
        assert sum(door.is_of(header) for door in here) <= 1


@given(SAID, SAID)
def test_two_meet_where_something_is_covered_by_both_and_nowhere_else(one: str, other: str):
    ours, theirs = read(one), read(other)
    everything = [Designator(a, b, c) for a in ("", "A", "B") for b in ("", "1", "2") for c in ("", "ISO", "DNS")]

    assert ours.meets(theirs) is any(ours.covers(sent) and theirs.covers(sent) for sent in everything)


@given(st.text(max_size=40), st.sampled_from("^~:|$"))
def test_any_text_is_read_and_covers_itself(field: str, component: str):
    said = read(field, component)
    assume(any(said))

    assert said.covers(read(field, component))
    assert len(said) == 3
