"""What is printed steers no terminal and reads in the order in which it was written, as JSON and as text."""

import json

import pytest

from transfer.cli import group
from transfer.cli.common import plain, print_json, print_table

#: C0, DEL, C1, the bidirectional controls of UAX #9, separators of lines, a half of a surrogate pair, a tag character
STEERING = [
    *("\x07", "\x1b", "\x7f", "\x80", "\x85", "\x9b", "\x9d", "\xad"),
    *("\u061c", "\u200b", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff"),
    *("\ud800", "\U000e0041"),
]
IDS = [f"U+{ord(c):04X}" for c in STEERING]


@pytest.mark.parametrize("character", STEERING, ids=IDS)
def test_json_carries_what_steers_a_terminal_as_an_escape(character: str, capsys: pytest.CaptureFixture[str]):
    name = f"Müller{character}雪"
    print_json({name: [name]})
    printed = capsys.readouterr().out

    assert character not in printed
    assert printed.isprintable() or {c for c in printed if not c.isprintable()} == {"\n"}
    assert "Müller" in printed, "letters stay as they are"
    assert json.loads(printed) == {name: [name]}


@pytest.mark.parametrize("character", STEERING, ids=IDS)
def test_text_shows_that_something_stood_there(character: str, capsys: pytest.CaptureFixture[str]):
    print_table(["name"], [(f"Mül{character}ler",)])
    group._say(f"no such thing: Mül{character}ler", "Look at it.")
    printed = capsys.readouterr()

    assert character not in printed.out + printed.err
    assert "Mül\ufffdler" in printed.out
    assert "Mül\ufffdler. Look at it." in printed.err
    assert plain(character) == "\ufffd"
