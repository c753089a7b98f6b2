"""The page of states, drawn from the tables that the product itself asks: moves, and the answers to questions."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from transfer import materials, requests
from transfer.holds import ANSWERS
from transfer.materials import MaterialState
from transfer.requests import OPEN, RequestState

S = TypeVar("S", bound=StrEnum)

_HEAD: Final = """# States and moves

Made from the tables in the code by `python -m tests.kit.documentation`; a test compares. Every move that is not drawn
is an error. An arrow from a frame holds for each state in it.
[Rounds](decisions/0001-rounds.md) have a record of their own.
"""

_UNANSWERED: Final = (RequestState.NOT_FOUND, RequestState.FORBIDDEN, RequestState.NO_RECORDS, RequestState.SILENT)
_HERE: Final = (MaterialState.RECEIVED, MaterialState.DISCREPANT)
_NOT_HERE: Final = frozenset(MaterialState) - {*_HERE, MaterialState.RETURNED, MaterialState.CONSUMED}


def states_page() -> str:
    """Requests and material as diagrams, questions as a table."""
    return "\n".join(
        [
            _HEAD,
            "## A request: `MOVES` in `transfer/requests.py`\n",
            drawing(requests.MOVES, {"open": OPEN, "without an answer": _UNANSWERED}),
            "## Material: `MOVES` in `transfer/materials.py`\n",
            drawing(materials.MOVES, {"here": _HERE, "not here": _NOT_HERE}),
            "## Questions and their answers: `ANSWERS` in `transfer/holds.py`\n",
            "| question | answer | what it does |\n|---|---|---|",
            *(
                f"| {code} | {answer} | {does} |"
                for code, answers in ANSWERS.items()
                for answer, does in answers.items()
            ),
            "",
        ]
    )


def drawing(moves: Mapping[S, Collection[S]], frames: Mapping[str, Collection[S]]) -> str:
    """A table of moves in Mermaid's language: what all states of a frame may do is one arrow from the frame."""
    lines = ["```mermaid", "flowchart LR"]
    arrows: list[tuple[str, str]] = []
    drawn: set[tuple[S, S]] = set()
    for number, (name, within) in enumerate(frames.items()):
        lines += [f'    subgraph frame{number}["{name}"]', *(_node(s) for s in moves if s in within), "    end"]
        shared = [to for to in moves if to not in within and all(to in moves[s] for s in within)]
        arrows += [(f"frame{number}", _id(to)) for to in shared]
        drawn |= {(s, to) for s in within for to in shared}
    framed = {s for within in frames.values() for s in within}
    lines += [_node(s) for s in moves if s not in framed]
    arrows += [(_id(s), _id(to)) for s in moves for to in moves if to in moves[s] and (s, to) not in drawn]
    return "\n".join([*lines, *(f"    {start} --> {to}" for start, to in arrows), "```\n"])


def _id(state: StrEnum) -> str:
    """`end` alone is a word of Mermaid's, so no state stands bare."""
    return f"s_{state.replace('-', '_')}"


def _node(state: StrEnum) -> str:
    return f'    {_id(state)}["{state}"]'
