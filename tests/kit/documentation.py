"""Pages that are made from the code. `python -m tests.kit.documentation` writes them anew."""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import click

from transfer import checklist, materials, requests
from transfer.adapters.document_statuses import MEANINGS, Vocabulary
from transfer.cli import main
from transfer.hold_answers import ANSWERS
from transfer.materials import MaterialState
from transfer.records import DocumentStatus
from transfer.requests import OPEN, RequestState

S = TypeVar("S", bound=StrEnum)

_ROOT = Path(__file__).parents[2]
_HEAD = """# The DAGs

Made from the files in `dags/` by `python -m tests.kit.documentation`; a test compares. Each file is wiring only: the
verbs are in `transfer/flow`.
"""
_CLI_HEAD = """# The command `transfer`

Made from the commands' own help by `python -m tests.kit.documentation`; a test compares.
"""
_STATES_HEAD = """# States and moves

Made from the tables in the code by `python -m tests.kit.documentation`; a test compares. Every move that is not drawn
is an error. An arrow from a frame holds for each state in it.
[Rounds](decisions/0001-rounds.md) have a record of their own.
"""
_LISTS_HEAD = """# Checklists

Made from `checklists/` by `python -m tests.kit.documentation`; a test compares.
[Why it is so](decisions/0038-lists-and-hints.md).

**A list that no clinician confirmed is not for patients.** Who confirmed it is said wherever a list is shown. S: a
receiving center or a public referral service says it. L: a laboratory that takes material says it. D: drawn from
guidelines. Each file names its sources.

- The coded diagnoses of a referral pick the list, in their order. ICD-10-CM goes before SNOMED CT, and the longest code
  wins. The other lists that fit are shown. Without a code that a list knows, `common` opens the case.
- Only a required line keeps a case waiting. A conditional line is required once a person says that its condition holds:
  `transfer case waive CASE LINE applies`.
- Kind, modality, part of the body and code are compared with what a record is known to be. What contradicts the line
  does not answer it. Where something is not known, a person says that the record answers it.
- One record answers one line by itself: the first required line whose hints it fits, else a line without hints. A line
  of *every one* counts it as well.
- *Every one* is there once all who were asked have answered.
- Of lines that are *one of* several, one that is answered is enough.
- A receiving center's file may say otherwise: [what a center wants](connecting-an-institution.md#what-a-center-wants).
"""
_DOCUMENTS_HEAD = """## A document: `MEANINGS` in `transfer/adapters/document_statuses.py`

What becomes of a document, by what its source says of it. Of several words about one document the one that promises
least counts. The words of HL7 v2 stand by their tables: 0123 (OBR-25), 0085 (OBX-11), 0271 (TXA-17), 0273 (TXA-19).

- A corrected or amended one, and one that names another as replaced, takes the place of the earlier one.
- What is not in a packet ends the earlier one, too. It is heeded also where no permission lets it be collected.
- What a source said earlier ends nothing that it said later, in whatever order the two come.
- What was handed over and is ended later is a question: `delivered-void`. The links of its packet work no more.
"""
_IN = {
    Vocabulary.RESULT_STATUS: "0123",
    Vocabulary.OBSERVATION_STATUS: "0085",
    Vocabulary.COMPLETION_STATUS: "0271",
    Vocabulary.AVAILABILITY_STATUS: "0273",
    Vocabulary.DIAGNOSTIC_REPORT: "FHIR report",
    Vocabulary.COMPOSITION: "FHIR docStatus",
    Vocabulary.DOCUMENT_REFERENCE: "FHIR reference",
    Vocabulary.ACT_STATUS: "CDA statusCode",
    Vocabulary.REJECTION_NOTE: "DICOM note",
}
_NO_WORD = {DocumentStatus.UNKNOWN: "every other word"}
_UNANSWERED = (RequestState.NOT_FOUND, RequestState.FORBIDDEN, RequestState.NO_RECORDS, RequestState.SILENT)
_HERE = (MaterialState.RECEIVED, MaterialState.DISCREPANT)
_NOT_HERE = frozenset(MaterialState) - {*_HERE, MaterialState.RETURNED, MaterialState.CONSUMED}


def dag_pages(files: Iterable[Path]) -> str:
    """The docstrings of DAG files, one section each."""
    sections = []
    for path in sorted(files):
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        title, _, rest = told.partition("\n")
        sections.append(f"\n## {title.removeprefix('# ')}: `dags/{path.name}`\n{rest}\n")
    return _HEAD + "".join(sections)


def cli_page() -> str:
    """The help of every command, one section each."""
    return "\n".join([_CLI_HEAD, *map(_section, commands())])


def commands(
    command: click.Command = main, name: str = "transfer", parent: click.Context | None = None
) -> Iterator[click.Context]:
    """Every command, as it is when it is called; `transfer` itself first."""
    ctx = click.Context(command, parent, name, terminal_width=80, max_content_width=80, **command.context_settings)
    yield ctx
    if not isinstance(command, click.Group):
        return
    for sub in command.list_commands(ctx):
        found = command.get_command(ctx, sub)
        assert found is not None
        yield from commands(found, sub, ctx)


def states_page() -> str:
    """Requests and material as diagrams, questions as a table."""
    return "\n".join(
        [
            _STATES_HEAD,
            "## A request: `MOVES` in `transfer/requests.py`\n",
            drawing(requests.MOVES, {"open": OPEN, "without an answer": _UNANSWERED}),
            "## Material: `MOVES` in `transfer/materials.py`\n",
            drawing(materials.MOVES, {"here": _HERE, "not here": _NOT_HERE}),
            *_documents(),
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


def _documents() -> list[str]:
    """What becomes of a document by its state, and which word of which language means the state."""
    words = {
        status: "; ".join(
            f"{_IN[vocabulary]} {' '.join(found)}"
            for vocabulary, meanings in MEANINGS.items()
            if (found := [word for word, means in meanings.items() if means is status])
        )
        for status in DocumentStatus
    }
    return [
        _DOCUMENTS_HEAD,
        "| state | answers its line | in a packet | words |\n|---|---|---|---|",
        *(
            f"| {status} | {_answers(status)} | {_goes(status)} | {words[status] or _NO_WORD[status]} |"
            for status in DocumentStatus
        ),
        "",
    ]


def _answers(status: DocumentStatus) -> str:
    return "yes" if status.is_settled else "no"


def _goes(status: DocumentStatus) -> str:
    if status.is_void:
        return "no"
    return "yes" if status.is_settled else "marked as such"


def lists_page() -> str:
    """What a list may say, then each list with its lines and where each comes from."""
    known = checklist.load(_ROOT / "checklists").values()
    rows = [
        f"| [{one.id}](#{one.id}) | {one.title} | {_codes(one.codes) or 'a person'} "
        f"| {one.confirmed_by or 'nobody yet'} |"
        for one in known
    ]
    head = "| list | for | picked by | confirmed by |\n|---|---|---|---|"
    return "\n".join([_LISTS_HEAD, head, *rows, "", *(part for one in known for part in _list(one))])


def _codes(said: Iterable[str]) -> str:
    """By system, each as code, so that nobody reads them as a sentence."""
    pairs = [text.split("|") for text in said]
    by_system = (" ".join(code for of, code in pairs if of == system) for system in ("icd-10-cm", "snomed"))
    return ", ".join(f"{name} `{codes}`" for name, codes in zip(("ICD", "SNOMED"), by_system, strict=True) if codes)


def _list(one: checklist.Checklist) -> Iterator[str]:
    marks = marks_of(one.id)
    yield f"## {one.id}\n\n{one.title}. Confirmed by a clinician: {one.confirmed_by or 'nobody yet'}.\n"
    if one.priority_default:
        default = one.priority_default
        yield f"A case with one of these is {default.priority} at least: {_codes(default.codes)}.\n"
    yield "| line | what | needed | said of it | mark |\n|---|---|---|---|---|"
    for line in one.lines:
        needed = f"if {line.condition}" if line.condition else line.necessity
        yield f"| `{line.key}` | {line.asks} | {needed} | {'; '.join(_said_of(line))} | {_marked(marks[line.key])} |"
    yield ""


def _said_of(line: checklist.ChecklistLine) -> Iterator[str]:
    yield ", ".join(sorted(line.kinds)) if not line.counted else line.pieces
    yield from (" or ".join(sorted(hint)) for hint in (line.modalities, line.body, line.codes) if hint)
    if line.needed_for is checklist.NeededFor.SCHEDULING:
        yield "before an appointment is given"
    if line.every:
        yield "every one"
    if line.max_age_days:
        yield f"at most {line.max_age_days} days old"
    if line.max_days_from:
        yield f"within {line.max_days_from.days} days of `{line.max_days_from.line}`"
    if line.one_of:
        yield f"one of *{line.one_of}*"
    if line.digital_slides:
        yield "or whole slide images"


def _marked(mark: str) -> str:
    """With its source as a link."""
    return re.sub(r" (https://\S+?)(?=;|$)", r" ([source](\1))", mark)


def marks_of(key: str) -> dict[str, str]:
    """Where each line of a list comes from, as the remark beside it says: S, L or D, its source, what is less sure."""
    text = (_ROOT / "checklists" / f"{key}.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^  - key: (\S+) # (.+)$", text, flags=re.MULTILINE))


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


def sentences(page: str) -> Iterator[str]:
    """The sentences of a Markdown page, a cell of a table by itself; code, drawings and addresses left out."""
    text = re.sub(r"```.*?```", "\n\n", page, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=[|#])", text):
        for cell in re.split(r"(?<!\\)\|", block) if block.startswith("|") else [block]:
            plain = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", cell))
            yield from re.split(r"(?<=[.!?:;])[*)\"']*\s+", " ".join(plain.split()))


def tables(page: str) -> Iterator[list[str]]:
    """The rows of all tables of a Markdown page, without their heads."""
    lines = page.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not line.startswith("|-") and not following.startswith("|-"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _section(ctx: click.Context) -> str:
    told = "\n".join(line.rstrip() for line in ctx.get_help().splitlines())
    depth = min(ctx.command_path.count(" ") + 2, 3)
    return f"{'#' * depth} `{ctx.command_path}`\n\n```text\n{told}\n```\n"


if __name__ == "__main__":
    (_ROOT / "docs" / "dags.md").write_text(dag_pages((_ROOT / "dags").glob("*.py")), encoding="utf-8")
    (_ROOT / "docs" / "cli.md").write_text(cli_page(), encoding="utf-8")
    (_ROOT / "docs" / "checklists.md").write_text(lists_page(), encoding="utf-8")
    (_ROOT / "docs" / "states.md").write_text(states_page(), encoding="utf-8")
