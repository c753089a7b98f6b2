"""The shape of the code, held by tests. What may import what is held by `.importlinter`."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.kit.documentation import dag_pages, sentences, tables
from transfer import case, facts
from transfer.facts import Fact
from transfer.flow.rounds import STEPS
from transfer.rounds import Dag

ROOT = Path(__file__).parents[1]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
TASKS = ROOT / "plugins" / "transfer_airflow" / "verbs.py"
MODULES = sorted(path for folder in ("transfer", "plugins", "dags") for path in (ROOT / folder).rglob("*.py"))
DECISIONS = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.Match, ast.comprehension, ast.BoolOp)
#: of a module, blank ones apart
LINES = 400
#: of a function, blank ones and its docstring apart
OF_A_FUNCTION = 60
#: of a function from `def` to its end, all counted
OF_A_WHOLE_FUNCTION = 70
#: of a sentence on a page; a colon and a semicolon end one
WORDS = 25

#: facts a case may carry that change nothing in its picture, and why
IGNORED_BY_A_CASE = {
    "egress-closed": "the disclosure it belongs to says what became of the hand-over",
    "egress-permitted": "what a stream rests on is read from the trail, and in the row of the stream",
    "letter-begun": "letters stand in a table of their own",
    "letter-queued": "the same",
    "letter-settled": "the same",
    "consult-report-received": "its file is a message as any other; pages of the center read the fact itself",
    "letter-code-given": "a code lets somebody look in, and is kept in a table of its own",
    "letter-pin-given": "the same",
    "letter-pin-shown": "that somebody showed it changes nothing",
    "letter-codes-ended": "the same",
    "letter-opened": "that somebody looked in changes nothing",
    "piece-described": "what stands on a piece is sealed with its material",
    "filed-in-chart": "who filed it is read from the trail",
    "misdirection-recorded": "it is a log of what went wrong, and changes nothing of the case",
    "next-action-set": "the day stands beside the request, which moves on",
    "referral-entered": "who brought it by hand; what it says comes with case-opened",
    "pages-indexed": "the record that they became is told of when it is collected",
    "study-indexed": "the record that it became is told of when it is collected",
    "pages-withheld": "who withheld them and why; the copy without them is a record as any other",
    "note-added": "notes are read by their own page, and purged apart",
}
#: facts that stand in a patient's chain or in the system's
OF_OTHER_CHAINS = {
    "patient-known",
    "match-decided",
    "patients-merged",
    "patients-split",
    "paper-form-entered",
    "dispute-entered",
    "dispute-withdrawn",
    "permission-filed",
    "permission-ended",
    "permission-resumed",
    "emergency-declared",
    "stop-completed",
    "legal-hold-placed",
    "legal-hold-lifted",
    "records-purged",
    "patients-sought",
    "backed-up",
    "facility-added",
    "facility-called-back",
    "facility-contact-changed",
    "paper-stored",
    "disc-stored",
    "studies-left-out",
    "paper-taken",
    "pages-left-out",
    "paper-destroyed",
    "paper-sent-back",
    "backup-begun",
    "backup-destroyed",
    "restored",
    "restore-tested",
    "unmatched-purged",
    "signed-in",
    "local-account-set",
    "outside-signed-in",
    "center-account-set",
    "patient-flagged",
    "reason-stated",
    "identity-viewed",
    "content-viewed",
    "report-made",
    "parcel-received",
    "trail-viewed",
    "period-reviewed",
    "chains-verified",
    "accounting-asked",
    "accounting-delayed",
    "accounting-given",
}


@pytest.mark.servers
def test_the_domain_loads_without_airflow():
    """A subprocess, because a test run has long since imported everything."""
    script = (
        "import sys; sys.modules['airflow'] = None; import transfer.wiring, transfer.gateway, transfer.completeness"
    )

    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
class TestDagFile:
    """A DAG file says what wakes what. Decisions live in `transfer`."""

    def test_decides_nothing(self, path: Path):
        decisions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, DECISIONS)]

        assert not decisions, f"{len(decisions)} decisions: move them into transfer/"

    def test_knows_airflow_and_the_tasks_and_nothing_else(self, path: Path):
        imports = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import | ast.ImportFrom)]
        named = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in imports}

        assert {str(name).partition(".")[0] for name in named} == {"airflow", "transfer_airflow"}

    def test_tells_what_wakes_it_and_what_it_leaves(self, path: Path):
        told = ast.get_docstring(ast.parse(path.read_text())) or ""
        paragraphs = told.split("\n\n")

        assert [p.split("\n")[0][: len(begin)] for p, begin in zip(paragraphs, PARAGRAPHS, strict=True)] == PARAGRAPHS

    def test_fits_on_a_screen_or_two(self, path: Path):
        assert len(path.read_text().splitlines()) <= 80

    def test_is_named_by_the_dag_in_it(self, path: Path):
        assert f'dag_id="{path.stem}"' in path.read_text()

    def test_is_one_that_a_round_can_be_owed_of(self, path: Path):
        assert path.stem in set(Dag)

    def test_does_the_steps_of_its_dag_in_their_order(self, path: Path):
        assert _calls(path, of="verbs") == [step.__name__ for step in STEPS[Dag(path.stem)]]


PARAGRAPHS = ["# ", "**Woken by**", "**Leaves behind**", "Safe to run again"]


def test_every_dag_has_its_file_and_its_steps():
    assert {path.stem for path in DAG_FILES} == set(Dag) == set(STEPS)
    assert all(STEPS.values())


def test_each_task_does_the_step_of_its_name():
    """So that what Airflow runs is what the table says."""
    functions = [n for n in ast.parse(TASKS.read_text()).body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    done = {f.name: [ast.unparse(call.args[0]) for call in _named_calls(f, "_task")] for f in functions}

    assert done == {step.__name__: [f"rounds.{step.__name__}"] for steps in STEPS.values() for step in steps}


@pytest.mark.parametrize("path", [TASKS, ROOT / "tests" / "kit" / "processing.py"], ids=lambda path: path.stem)
def test_who_processes_rounds_knows_the_steps_alone(path: Path):
    """A verb called past its step, or a round ended past it, would need its sentence a second time."""
    imported = {n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)}

    assert {m for m in imported if str(m).startswith("transfer.flow")} <= {
        *("transfer.flow", "transfer.flow.rounds", "transfer.flow.services")
    }
    assert "done" not in _calls(path, of="rounds")


def _calls(path: Path, *, of: str) -> list[str]:
    """What is called of a module, in the order of the text."""
    called = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    found = [f for f in called if isinstance(f, ast.Attribute) and ast.unparse(f.value) == of]
    return [f.attr for f in sorted(found, key=lambda f: f.lineno)]


def _named_calls(node: ast.AST, name: str) -> list[ast.Call]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Call) and ast.unparse(n.func) == name]


def test_the_page_of_dags_is_what_their_files_say():
    """Written anew by `python -m tests.kit.documentation`."""
    assert (ROOT / "docs" / "dags.md").read_text() == dag_pages(DAG_FILES)


def test_airflow_does_not_run_our_package_as_plugins():
    """Each file in the plugins folder is executed as a module named by its stem, unless it is ignored."""
    ignored = (ROOT / "plugins" / ".airflowignore").read_text().split()

    folders = [path.name for path in (ROOT / "plugins").iterdir() if path.is_dir() and path.name[0] not in "._"]
    assert [f"{name}/" for name in folders] == ignored
    assert [path.name for path in (ROOT / "plugins").glob("*.py")] == [
        "records_desk.py"
    ]  # which imports nothing of ours


def test_every_folder_of_code_is_a_package():
    """One without `__init__.py` is neither installed from a wheel nor seen by the import contracts."""
    folders = {path.parent for path in (ROOT / "transfer").rglob("*.py")}

    assert [folder.relative_to(ROOT) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_module_outgrows_its_reader():
    lines = {path: sum(1 for line in path.read_text().splitlines() if line.strip()) for path in MODULES}

    assert {path.relative_to(ROOT): n for path, n in lines.items() if n > LINES} == {}


def _long_functions(source: str) -> list[str]:
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            told = node.body[0] if ast.get_docstring(node) is not None else None
            said = told.end_lineno - told.lineno + 1 if told and told.end_lineno else 0
            whole = lines[node.lineno - 1 : node.end_lineno]
            if sum(1 for line in whole if line.strip()) - said > OF_A_FUNCTION or len(whole) > OF_A_WHOLE_FUNCTION:
                found.append(node.name)
    return found


def test_no_function_outgrows_its_reader():
    long = {path.relative_to(ROOT): _long_functions(path.read_text()) for path in MODULES}

    assert {path: names for path, names in long.items() if names} == {}


def test_a_function_that_outgrows_its_reader_is_found():
    head, line = 'def long():\n    """Told\n    here."""\n', "    one()\n"

    assert _long_functions(head + line * OF_A_FUNCTION) == ["long"]
    assert _long_functions(head + line * (OF_A_FUNCTION - 1)) == []


def test_a_function_whose_docstring_outgrows_its_reader_is_found():
    head, line = 'def long():\n    """Told', "\n    here."

    assert _long_functions(head + line * (OF_A_WHOLE_FUNCTION - 1) + '"""\n') == ["long"]
    assert _long_functions(head + line * (OF_A_WHOLE_FUNCTION - 2) + '"""\n') == []


def test_the_flow_names_its_modules_in_the_order_of_the_business():
    from transfer import flow

    there = {path.stem for path in (ROOT / "transfer" / "flow").iterdir() if path.stem[0] != "_"}

    assert {*re.findall(r"`(\w+)`", flow.__doc__ or "")} == there


#: where a release is put together, judged, and asked for
PERMISSIONS, BASIS = ROOT / "transfer" / "permissions", ROOT / "transfer" / "flow" / "basis.py"


def asks_for_itself(source: str) -> list[str]:
    """What a module names of the rules by which a release is judged, whatever name it gives them."""
    named = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("transfer.permissions"):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute):
            named.append(node.attr)
    return [name for name in named if name in ("Release", "evaluate", "rules")]


def test_permission_is_asked_in_one_room():
    asking = {path for path in MODULES if asks_for_itself(path.read_text())}

    assert asking - {path for path in asking if path.is_relative_to(PERMISSIONS)} == {BASIS}


def test_who_asks_for_itself_is_found():
    assert asks_for_itself("from transfer.permissions import End, Release as R")
    assert asks_for_itself("from transfer import permissions\npermissions.evaluate(permissions.Release())")
    assert not asks_for_itself("from transfer.permissions import End, Ruling")


def test_every_kind_of_fact_is_folded_or_left_out_on_purpose():
    folded = {getattr(facts, name).kind for name in re.findall(r"facts\.(\w+)\(\)", Path(case.__file__).read_text())}

    assert folded.isdisjoint(IGNORED_BY_A_CASE.keys() | OF_OTHER_CHAINS)
    assert folded | IGNORED_BY_A_CASE.keys() | OF_OTHER_CHAINS == {
        kind for kind in Fact.kinds if "-of-tests" not in kind
    }


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "tests/README.md",
        "CHANGELOG.md",
        *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")),
    ],
)
def test_a_page_names_only_what_exists(page: str):
    text = (ROOT / page).read_text()
    named = set(
        re.findall(
            r"\b(?:tests|transfer|dags|plugins|docs|institutions|checklists|requirements|deploy)/[\w./-]*\w", text
        )
    )
    linked = {
        (ROOT / page).parent / target
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
        if not re.match(r"[a-z]+:", target)
    }

    missing = {name for name in named if not _exists(ROOT / name)} | {str(p) for p in linked if not p.exists()}
    assert missing == set()


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "tests/README.md",
        *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md") if p.stem != "cli"),
    ],
)
def test_a_sentence_of_a_page_is_short(page: str):
    told = sentences((ROOT / page).read_text())

    assert [sentence for sentence in told if len(re.findall(r"\S*\w\S*", sentence)) > WORDS] == []


def test_each_promise_names_its_code_its_test_and_what_that_breaks():
    rows = list(tables((ROOT / "docs" / "safety.md").read_text()))

    assert rows
    assert [row for row in rows if len(row) != 4 or "" in row] == []
    assert [row for row in rows if not re.search(r"`tests/", row[2])] == []
    assert [row for row in rows if not re.search(r"`(transfer|plugins|requirements)/", row[1]) and row[1] != "–"] == []


def test_the_promises_rest_only_on_code_that_the_product_calls():
    """A rule that tests alone call keeps no promise."""
    cited = {
        path
        for row in tables((ROOT / "docs" / "safety.md").read_text())
        for path in re.findall(r"`((?:transfer|plugins)/[\w/]+\.py)`", row[1])
    }

    texts = {path: path.read_text() for path in MODULES}

    assert len(cited) > 50
    assert {path for path in cited if not _is_called(ROOT / path, texts)} == set()


def _is_called(path: Path, texts: dict[Path, str]) -> bool:
    """Another module of the product imports it, or starts it by its name."""
    package, _, name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("plugins.").rpartition(".")
    used = re.compile(
        rf"\b{re.escape(package)}\.{name}\b|^ *from {re.escape(package)} import (?:\([^)]*|.*)\b{name}\b", re.MULTILINE
    )
    return any(package in text and used.search(text) for other, text in texts.items() if other != path)


def _exists(path: Path) -> bool:
    """A file or folder, or a module written without its ending."""
    return path.exists() or path.with_suffix(".py").exists()


# Put together here, so that this file does not name them either.
HOSTS = [
    ".".join(name) for name in (("pypi", "org"), ("files.python" + "hosted", "org"), ("npmjs", "org"), ("maven", "org"))
]
PATHS = [rf"/{folder}/\w" for folder in ("root", "work", "home", r"tmp/\w+")]
#: papers of the people who build this, cited by a number or as a file; no reader of the repository has them
PAPERS = ["DESIGN", "STANDARDS", "MECHANISMS", "PERFORMANCE", "AIRFLOW", "PEERS", "HOUSE", "FAULTS", "DESK", "STYLE"]


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    assert _found(re.compile("|".join([*map(re.escape, HOSTS), *PATHS]).encode())) == {}


def test_no_file_cites_a_paper_that_its_reader_does_not_have():
    assert _found(re.compile(rf"\b(?:{'|'.join(PAPERS)})(?:\.md\b|,? \d)".encode())) == {}


def _found(unwanted: re.Pattern[bytes]) -> dict[str, str]:
    """The first unwanted text of every file of the checkout that has one."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    found = {}
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and (match := unwanted.search(content := path.read_bytes())) and b"\0" not in content:
            found[name] = match[0].decode()
    return found


def test_every_command_a_page_names_is_there():
    from transfer.cli import main

    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        words.strip()
        for page in pages
        for words in re.findall(r"`(?:\.venv/bin/)?transfer((?: [a-z][a-z-]*){1,2})", page.read_text())
    }

    assert {words for words in named if not _is_command(main, words.split())} == set()


def _is_command(command: click.Command, words: list[str]) -> bool:
    """The first words name a command; what follows it may be an argument."""
    if not words or not isinstance(command, click.Group):
        return True
    named = command.get_command(click.Context(command), words[0])
    return named is not None and _is_command(named, words[1:])


def test_every_word_for_make_that_a_page_names_is_there():
    words = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "tests" / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / ".ci" / "run"]

    assert {word for page in pages for word in re.findall(r"(?:`|timed |^)make ([a-z-]+)", page.read_text())} <= words
