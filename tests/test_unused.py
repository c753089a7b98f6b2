"""What only tests use makes `make check` red, and so does an entry of the allow-list that is not needed any more."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: clean: all of it is used, and the class's field is read
MODULE = """
from dataclasses import dataclass

__all__ = ["shown"]

@dataclass
class Page:
    title: str

def shown(page: "Page") -> str:
    return page.title

print(shown(Page(title="a")))
"""


def checked(folder: Path, *files: tuple[str, str], allowed: str = "allowed = []") -> tuple[int, str]:
    """What the check says of the module above with these lines added to files of the product."""
    for name, text in (("transfer/page.py", MODULE), *files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)
    (folder / "allowed.toml").write_text(allowed)
    command = [sys.executable, str(ROOT / "checks" / "unused.py"), "--root", str(folder)]
    ran = subprocess.run(
        [*command, "--allowed", str(folder / "allowed.toml")], capture_output=True, text=True, check=False
    )
    assert not ran.stderr
    return ran.returncode, ran.stdout


def test_what_is_used_is_fine(tmp_path):
    assert checked(tmp_path) == (0, "Unused: nothing but 0 allowed with a reason.\n")


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        (("transfer/page.py", "\ndef planted() -> int:\n    return 1\n"), "planted"),
        (("dags/nightly.py", "\ndef planted() -> int:\n    return 1\n"), "planted"),
        (("plugins/there.py", "\ndef planted() -> int:\n    return 1\n"), "planted"),
        (("transfer/more.py", "\n__all__ = ['planted']\ndef planted() -> int:\n    return 1\n"), "planted"),
        (("transfer/page.py", "\nclass Other:\n    color: str\ncolor = Other()\nprint(color)\n"), "Other.color"),
        (("transfer/page.py", "\nclass Word(str):\n    NEW = 'new'\nprint(Word)\n"), "Word.NEW"),
        (("transfer/sandbox/lab.py", "\ndef planted() -> int:\n    return 1\n"), "planted"),
        (("transfer/page.py", "\n_PLANTED = 1\n"), "_PLANTED"),
    ],
    ids=[
        "function",
        "dag",
        "plugin",
        "only-exported",
        "field-not-read",
        "value-not-named",
        "sandbox",
        "its-own",
    ],
)
def test_what_is_planted_and_unused_is_found(tmp_path, planted, named):
    ended, said = checked(tmp_path, planted)

    assert ended == 1
    assert f"{planted[0]}:" in said
    assert f": {named} is used by nothing of the product" in said


@pytest.mark.parametrize("user", ["tests/test_page.py", "deploy/prepare.py", "transfer/sandbox/lab.py"])
def test_a_use_by_a_test_or_by_the_sandbox_is_none(tmp_path, user):
    planted = ("transfer/page.py", "\ndef planted() -> int:\n    return 1\n")

    ended, said = checked(tmp_path, planted, (user, "\nfrom transfer.page import planted\nprint(planted())\n"))

    assert (ended, said.count("planted is used")) == (1, 1)


def test_what_is_allowed_with_a_reason_is_fine_and_no_other_kind_or_place(tmp_path):
    planted = ("transfer/page.py", "\ndef planted() -> int:\n    return 1\n")
    entry = (
        '[[allowed]]\nwhere = "transfer/*.py"\nnames = ["plant*"]\nkind = "function"\nwhy = "Connected by: chasing."\n'
    )

    assert checked(tmp_path / "a", planted, allowed=entry) == (0, "Unused: nothing but 1 allowed with a reason.\n")
    assert checked(tmp_path / "b", planted, allowed=entry.replace("function", "attribute"))[0] == 1
    assert checked(tmp_path / "c", planted, allowed=entry.replace("transfer", "dags"))[0] == 1


def test_an_entry_that_matches_nothing_any_more_fails(tmp_path):
    entry = '[[allowed]]\nwhere = "transfer/page.py"\nnames = ["gone"]\nwhy = "Connected by: chasing."\n'

    ended, said = checked(tmp_path, allowed=entry)

    assert ended == 1
    assert (
        "gone in transfer/page.py is allowed to be unused, and nothing of that name is: Connected by: chasing." in said
    )


def test_an_entry_without_a_reason_is_none(tmp_path):
    with pytest.raises(AssertionError, match="why"):
        checked(tmp_path, allowed='[[allowed]]\nwhere = "transfer/page.py"\nnames = ["gone"]\n')


def test_make_check_asks():
    recipe = (ROOT / "Makefile").read_text().split("\ncheck:")[1].split("\n\n")[0]

    assert "checks/unused.py" in recipe
