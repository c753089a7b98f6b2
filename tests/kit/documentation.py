"""Pages that are made from the code. `python -m tests.kit.documentation` writes them anew."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from tests.kit.states import states_page
from transfer.cli import main

_ROOT = Path(__file__).parents[2]
_HEAD = """# The DAGs

Made from the files in `dags/` by `python -m tests.kit.documentation`; a test compares. Each file is wiring only: the
verbs are in `transfer/flow`.
"""
_CLI_HEAD = """# The command `transfer`

Made from the commands' own help by `python -m tests.kit.documentation`; a test compares.
"""


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
    for sub in command.list_commands(ctx) if isinstance(command, click.Group) else ():
        found = command.get_command(ctx, sub)
        assert found is not None
        yield from commands(found, sub, ctx)


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
    (_ROOT / "docs" / "states.md").write_text(states_page(), encoding="utf-8")
