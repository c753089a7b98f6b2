"""Finds what the product defines and does not use itself: what only tests call, fields nobody reads, dead code.

    python checks/unused.py [--root FOLDER] [--allowed FILE]

vulture reads the product alone, so a use by a test is none. Here it is stricter than by itself: a name in `__all__` is
no use, and a member of a class is used only where something reads it as an attribute. The sandbox is read apart: it is
other people's software, and what it uses is not used by us.

Ends with 1 if something is unused and not allowed (checks/unused.toml), or allowed and not unused any more.
"""

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vulture import Vulture

HERE = Path(__file__).parent
SANDBOX = Path("transfer/sandbox")
PRODUCT = ("transfer", "dags", "plugins")
MIN_CONFIDENCE = 60


@dataclass(frozen=True, slots=True, order=True)
class Unused:
    """`where` is relative to the root; `name` is `Class.member` for a member of a class. `kind` is vulture's word
    (attribute, class, function, import, method, property, variable, unreachable_code), or member.
    """

    where: str
    line: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Shell patterns for file, name and kind, and why what they match may stay unused."""

    where: str
    name: str
    kind: str
    why: str

    def covers(self, one: Unused) -> bool:
        pairs = ((one.where, self.where), (one.name, self.name), (one.kind, self.kind))
        return all(fnmatchcase(said, pattern) for said, pattern in pairs)


class Strict(Vulture):
    """vulture, with members of classes told apart from other names."""

    def __init__(self) -> None:
        super().__init__()
        #: (file, line, name) → its qualified name
        self.members: dict[tuple[Path, int, str], str] = {}
        #: names read as an attribute of something
        self.read: set[str] = set()
        #: (file, line, name) of a module's own values that it does not read; vulture looks at no `_NAME`
        self.private: list[tuple[Path, int, str]] = []

    def visit_Module(self, node: ast.Module) -> None:  # noqa: N802 - vulture's name
        read = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        read |= {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}
        for name, line in _values(node.body):
            if name.startswith("_") and not name.startswith("__") and name not in read:
                self.private.append((self.filename, line, name))

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        """vulture takes each name in `__all__` for a use."""

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802
        super().visit_Attribute(node)
        if isinstance(node.ctx, ast.Load):
            self.read.add(node.attr)

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802
        super().visit_Call(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
            self.read |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}

    def visit_MatchClass(self, node: ast.MatchClass) -> None:  # noqa: N802
        super().visit_MatchClass(node)
        self.read |= set(node.kwd_attrs)

    def visit_arg(self, node: ast.arg) -> None:
        super().visit_arg(node)
        self._look_at_annotation(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        self._look_at_annotation(node.annotation)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802
        super().visit_FunctionDef(node)
        self._look_at_annotation(node.returns)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        super().visit_ClassDef(node)
        for name, line in _members(node):
            if not (name.startswith("__") and name.endswith("__")):
                self.members[self.filename, line, name] = f"{node.name}.{name}"

    def _look_at_annotation(self, annotation: ast.expr | None) -> None:
        """Quoted ones name what they mean, too."""
        for part in ast.walk(annotation) if annotation else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                with suppress(SyntaxError):  # it is none: a pattern, say
                    named = ast.walk(ast.parse(part.value, mode="eval"))
                    self.used_names |= {each.id for each in named if isinstance(each, ast.Name)}

    def found(self) -> Iterator[tuple[Path, int, str, str]]:
        unread = {where: name for where, name in self.members.items() if where[2] not in self.read}
        for (file, line, _), name in unread.items():
            yield file, line, name, "member"
        for file, line, name in self.private:
            yield file, line, name, "variable"
        for item in self.get_unused_code(min_confidence=MIN_CONFIDENCE):
            key = (item.filename, item.first_lineno, item.name)
            if key not in unread:
                yield item.filename, item.first_lineno, self.members.get(key, item.name), item.typ


def _members(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for each in node.body:
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield each.name, min([each.lineno, *(decorator.lineno for decorator in each.decorator_list)])
    yield from _values(node.body)


def _values(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for each in body:
        match each:
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, each.lineno
            case ast.Assign(targets=targets):
                yield from ((target.id, each.lineno) for target in targets if isinstance(target, ast.Name))


def unused(root: Path) -> list[Unused]:
    """What is unused in the product below `root`."""
    files = [file for folder in PRODUCT for file in sorted((root / folder).rglob("*.py"))]
    theirs = [file for file in files if file.is_relative_to(root / SANDBOX)]
    return sorted({*_unused(root, [file for file in files if file not in theirs]), *_unused(root, theirs)})


def _unused(root: Path, files: list[Path]) -> Iterator[Unused]:
    strict = Strict()
    for file in files:
        strict.scan(file.read_text(encoding="utf-8"), filename=file)
    for file, line, name, kind in strict.found():
        yield Unused(file.relative_to(root).as_posix(), line, name, kind)


def allowed(file: Path) -> list[Allowed]:
    said = tomllib.loads(file.read_text(encoding="utf-8"))["allowed"]
    return [Allowed(each["where"], name, each.get("kind", "*"), each["why"]) for each in said for name in each["names"]]


def judged(found: list[Unused], taken: list[Allowed]) -> list[str]:
    """What is wrong, each in a line."""
    wrong = [
        f"{one.where}:{one.line}: {one.name} is used by nothing of the product"
        for one in found
        if not any(each.covers(one) for each in taken)
    ]
    return wrong + [
        f"{each.name} in {each.where} is allowed to be unused, and nothing of that name is: {each.why}"
        for each in taken
        if not any(each.covers(one) for one in found)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Is there anything in the product that only tests use?")
    parser.add_argument("--root", type=Path, default=HERE.parent)
    parser.add_argument("--allowed", type=Path, default=HERE / "unused.toml")
    said = parser.parse_args()
    found = unused(said.root)
    wrong = judged(found, allowed(said.allowed))
    for line in wrong:
        sys.stdout.write(f"  {line}\n")
    told = f"{len(wrong)} to deal with" if wrong else f"nothing but {len(found)} allowed with a reason"
    sys.stdout.write(f"Unused: {told}.\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
