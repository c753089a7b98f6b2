"""Names: no name of a public class or type does two jobs, and former names stay gone.

What is stored keeps its former names: `transfer/former.py` reads them, old migrations and past changelog entries tell
them. The stand-in institutions are other people's software.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD_MIGRATIONS = re.compile(r"transfer/ledger/migrations/000[1-9]_")
PRODUCT = sorted(
    path
    for folder in ("transfer", "dags", "plugins")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sql", ".md")
    and "sandbox" not in path.relative_to(ROOT).parts
    and path != ROOT / "transfer" / "former.py"
    and not OLD_MIGRATIONS.match(str(path.relative_to(ROOT)))
)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

#: as a word, in code, comments, SQL and pages
WORDS = re.compile(
    r"\b(strangers?|fenc(?:e|es|ed|ing)|forsaken|condemn(?:s|ed)?|keepers?|keep_house|doorbells?)\b", re.IGNORECASE
)
#: as a name in code
NAMES = {
    *("Edges", "edges", "Keeping", "Kept", "LedgerKeeper", "Attention", "House", "Post", "Told", "Did", "tier", "Tier"),
    *("ANEW", "LONGEST", "LOOK", "PATIENCE", "MENDED", "PUZZLED", "admit", "attend", "bell"),
}
#: as a place, in code and pages
PLACES = re.compile(
    r"ledger/people\.py|fhir/people\.py|transfer[./]parts\b|dense\.py|flow/(?:edges|fence|admit)\.py|gateway/keeper\.py"
)


def types_of(source: str) -> list[str]:
    """The public classes of a module, and what it calls types made of others."""
    body = ast.parse(source).body
    aliases = [
        each.id for node in body if isinstance(node, ast.Assign) for each in node.targets if type(each) is ast.Name
    ]
    return [node.name for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")] + [
        name for name in aliases if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name)
    ]


def public_types() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in PRODUCT:
        if path.suffix == ".py" and path.is_relative_to(ROOT / "transfer"):
            for name in types_of(path.read_text()):
                found[name].append(str(path.relative_to(ROOT)))
    return found


def code_names(source: str) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string.strip("_") for token in tokens if token.type == tokenize.NAME}


def test_no_name_of_a_public_type_stands_twice():
    assert {name: places for name, places in public_types().items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", [*PRODUCT, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_former_names_are_gone(path):
    text = path.read_text()
    assert WORDS.findall(text) == []
    assert PLACES.findall(text) == []
    if path.suffix == ".py":
        assert code_names(text) & NAMES == set()


def test_the_search_finds_what_it_is_for():
    assert WORDS.findall("A stranger's message; the fence stands.") == ["stranger", "fence"]
    assert code_names("def attend(edges: 'Edges') -> None: ...") & NAMES == {"attend", "edges"}
    assert PLACES.search("see transfer/parts/store.py")
    assert len(PRODUCT) > 200
    assert types_of("Page = dict[str, str]\nMOST = 3\n_Own = int\nclass Box: ...\nclass _Inner: ...") == ["Box", "Page"]
    assert len(public_types()) > 200
