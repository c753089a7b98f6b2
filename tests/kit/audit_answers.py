"""Ten questions of an auditor: each with its clause, its page, its command, and what that says of a made-up case.

`tests/cli/test_audit_answers.py` runs the commands and compares them with `docs/auditor.md`;
`AUDIT_ANSWERS=write pytest tests/cli/test_audit_answers.py` writes the page anew.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "auditor.md"
BEGIN, END = "<!-- answers: made by tests/kit/audit_answers.py -->", "<!-- answers end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`command` without `transfer`; `CASE` and `FILE` stand for those of the made-up case."""

    clause: str
    asks: str
    page: str
    command: str


QUESTIONS = (
    Question(
        clause="45 CFR 164.506(c), 164.508(a)",
        asks="On which basis did each disclosure rest, to whom did it go, and who approved it?",
        page="/desk/disclosures",
        command="audit disclosures",
    ),
    Question(
        clause="45 CFR 164.508(b)(6), (c)",
        asks="Draw a sample of disclosures: on which signed authorization did each rely?",
        page="/audit/sample",
        command="audit sample --size 1 --seed march",
    ),
    Question(
        clause="45 CFR 164.528(a)(1)",
        asks="Which disclosures are accounted for, and by which clause are the others exempt?",
        page="/desk/disclosures?accounted=yes",
        command="audit disclosures --accounted",
    ),
    Question(
        clause="45 CFR 164.528(b)(2)",
        asks="What was disclosed of this patient: when, to whom, what, for which purpose?",
        page="/desk/disclosures?case=CASE",
        command="audit disclosures --case CASE --csv FILE",
    ),
    Question(
        clause="45 CFR 164.312(b)",
        asks="What was done in this case, by whom or by which run?",
        page="/audit/cases/CASE",
        command="trail show CASE",
    ),
    Question(
        clause="45 CFR 164.308(a)(1)(ii)(D)",
        asks="Who looked at this patient, and why?",
        page="/audit/views?case=CASE",
        command="audit views --case CASE",
    ),
    Question(
        clause="45 CFR 164.308(a)(3), (4)",
        asks="What did this member of the staff look at?",
        page="/audit/views?person=ben",
        command="audit views --account ben",
    ),
    Question(
        clause="45 CFR 171.202(b), 164.514(h)",
        asks="What was held or refused until somebody decided, who decided, and how soon?",
        page="/audit/decisions",
        command="audit decisions",
    ),
    Question(
        clause="45 CFR 164.308(a)(1)(ii)(D)",
        asks="Are the logs reviewed? Show who reviewed which period and what came of it.",
        page="/audit/evidence",
        command="audit review disclosures --finding nothing-found",
    ),
    Question(
        clause="45 CFR 164.312(c)(1)",
        asks="How is an improper alteration found, and when did you look last?",
        page="/audit/evidence",
        command="trail verify",
    ),
)

_ID = re.compile(r"\b[cpaqrmbhdetn](?=[0-9a-z]*[0-9])[0-9a-hjkmnp-tv-z]{11,15}\b")
#: the beginning of a hash stands at the end of a line, where no identifier of ours but the case's does
_HASHES = re.compile(r"\b[0-9a-f]{12}$", re.MULTILINE)
_PATTERNS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\b\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(Z| UTC)?|T[0-9:.+]+)?\b"), "DAY"),
    (re.compile(r"\bDAYZ?"), "DAY"),
    (re.compile(r"\d+ min\b"), "0 min"),
)


def neutral(said: str, known_as: Mapping[str, str]) -> str:
    """The same, whenever it is run: identifiers by number in the order they come, hashes and days by a word, and what
    is known by its own.
    """
    for text, word in known_as.items():
        said = said.replace(text, word)
    known: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        return known.setdefault(found.group(), f"{found.group()[0]}-{len(known) + 1}")

    said = _ID.sub(numbered, _HASHES.sub("HASH", said))
    for pattern, word in _PATTERNS:
        said = pattern.sub(word, said)
    lines = (re.sub(r"  +", "  ", line).strip() for line in said.splitlines())
    return "\n".join(line for line in lines if line)


def answers(run: Callable[[str], str]) -> str:
    """The section of the page: each question with what its command says. `run` runs a command."""
    parts = []
    for number, one in enumerate(QUESTIONS, start=1):
        parts.append(
            f"### {number}. {one.asks}\n\n{one.clause}. Page: `{one.page}`. Command:\n\n"
            f"```text\n$ transfer {one.command}\n{run(one.command)}\n```\n"
        )
    return "\n".join(parts)


def in_page(text: str) -> str:
    """The section as a page has it."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def with_answers(text: str, made: str) -> str:
    """The page with this section in place of the one that it has."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made.strip()}\n\n{END}{rest.partition(END)[2]}"
