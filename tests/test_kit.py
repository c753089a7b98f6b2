"""The shape of the tests: what several of them need is in tests/kit, and no test module is a library."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.kit import order
from tests.kit.documentation import tables

TESTS = Path(__file__).parent
KIT = TESTS / "kit"


def imported(source: str) -> Iterator[Path]:
    """The modules of the tests that a source imports, also within a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports here are absolute"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = TESTS.parent.joinpath(*name.split(".")).with_suffix(".py")
            if path.is_relative_to(TESTS) and path.exists():
                yield path


IMPORTS = [
    (path, other) for path in sorted(TESTS.rglob("*.py")) for other in sorted(set(imported(path.read_text("utf-8"))))
]


def said(pairs: list[tuple[Path, Path]]) -> list[str]:
    return [f"{one.relative_to(TESTS)} imports {other.relative_to(TESTS)}" for one, other in pairs]


def test_no_test_module_is_imported_by_another():
    """What it shares goes to tests/kit: who changes a test need not ask who else stands on it."""
    assert said([pair for pair in IMPORTS if pair[1].name.startswith("test_") or pair[1].name == "conftest.py"]) == []


def test_what_more_than_one_folder_needs_is_in_the_kit():
    """A helper beside its tests serves them and the folders below. A campaign's parts are its own."""
    apart = [
        (one, other) for one, other in IMPORTS if not other.is_relative_to(KIT) and other.parent not in one.parents
    ]

    assert said(apart) == []


def test_the_kit_stands_on_itself():
    outside = [(one, other) for one, other in IMPORTS if one.is_relative_to(KIT) and not other.is_relative_to(KIT)]

    assert said(outside) == []


def test_each_import_is_seen():
    source = "from tests import test_kit\ndef f():\n    import tests.conftest\n    from tests.kit.staff import ANN\n"

    assert set(imported(source)) == {TESTS / "test_kit.py", TESTS / "conftest.py", KIT / "staff.py"}
    assert len(IMPORTS) > 400


def test_the_page_of_tests_names_every_folder_and_every_module_of_the_kit():
    page = (TESTS / "README.md").read_text()
    folders = {path.parent.relative_to(TESTS.parent) for path in TESTS.rglob("test_*.py")}
    areas = {str(Path(*folder.parts[: 3 if "campaigns" in folder.parts else 2])) for folder in folders} - {"tests"}
    modules = {path.stem for path in KIT.glob("*.py")}

    assert {area for area in areas if f"`{area}`" not in page} == set()
    assert {module for module in modules if f"`{module}`" not in page} == set()


def test_the_page_of_tests_names_no_module_of_the_kit_that_is_gone():
    """In its last column."""
    page = (TESTS / "README.md").read_text().partition("## The kit")[2]
    named = {name for row in tables(page) for name in re.findall(r"`(\w+)`", row[-1])}

    assert named == {path.stem for path in KIT.glob("*.py")}


def test_files_that_ask_for_the_house_with_airflow_run_together():
    """It is closed after the last that asks, and starts once."""
    asking = {
        str(path.relative_to(TESTS.parent))
        for path in TESTS.rglob("test_*.py")
        if re.search(r"\(airflow_house: House\)", path.read_text(encoding="utf-8"))
    }

    assert asking
    assert {order.TOGETHER.get(file) for file in asking} == {"airflow"}
