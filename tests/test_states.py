"""The page of states is what the tables of the product say."""

import re
from pathlib import Path

from tests.kit.documentation import drawing, lists_page, states_page
from transfer.rounds import RoundState

ROOT = Path(__file__).parents[1]


def test_the_page_of_lists_says_what_the_lists_say():
    assert (ROOT / "docs" / "checklists.md").read_text(encoding="utf-8") == lists_page()


def test_the_page_of_states_is_what_the_tables_say():
    """Written anew by `python -m tests.kit.documentation`."""
    assert (ROOT / "docs" / "states.md").read_text() == states_page()


def test_a_drawing_of_states_has_every_move_and_no_other():
    """A move that all states of a frame share is one arrow from the frame."""
    a, b, c, d = (RoundState(state) for state in ("owed", "posted", "taken", "done"))
    moves = {a: {b, d}, b: {b, c, d}, c: {d, a}, d: set[RoundState]()}

    drawn = re.findall(r"(\w+) --> s_(\w+)", drawing(moves, {"first": (a, b), "last": (d,)}))

    arrows = [("frame0", "done"), ("s_owed", "posted"), ("s_posted", "posted"), ("s_posted", "taken")]
    assert sorted(drawn) == [*arrows, ("s_taken", "done"), ("s_taken", "owed")]
