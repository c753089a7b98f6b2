"""Pages that are made from the code. `python -m tests.documentation` writes them anew."""

import ast
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_HEAD = """# The DAGs

Made from the files in `dags/` by `python -m tests.documentation`; a test compares. Each file is wiring only: the
verbs are in `transfer/flow`.
"""


def dag_pages(files: Iterable[Path]) -> str:
    """The docstrings of DAG files, one section each."""
    sections = []
    for path in sorted(files):
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        title, _, rest = told.partition("\n")
        sections.append(f"\n## {title.removeprefix('# ')}: `dags/{path.name}`\n{rest}\n")
    return _HEAD + "".join(sections)


if __name__ == "__main__":
    (_ROOT / "docs" / "dags.md").write_text(dag_pages((_ROOT / "dags").glob("*.py")), encoding="utf-8")
