"""Reading a YAML file that people reviewed. An error names the place of the mistake and repeats no value."""

import copy
import re
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.composer import Composer

#: in what PyYAML says: one character, or more than one as Python quotes it
_QUOTED: Final = re.compile(r"""'[^'\\]'|(['"])(?:\\.|(?!\1).)*\1""")


#: how a file refers to a setting of the installation
SETTING: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")


def is_no_setting(text: str) -> bool:
    """Whether it is meant to name a setting and names none: `$NAME` alone, or small letters in the braces."""
    return "${" in SETTING.sub("", text) or re.fullmatch(r"\$[A-Za-z_]\w*", text) is not None


#: within what PyYAML missed an end
_OPEN: Final = re.compile(r"while (scanning a quoted|parsing a flow)")


class ReviewedPart(BaseModel):
    """A part of a reviewed file: unknown keys are mistakes, nothing changes once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def as_zone(text: str) -> str:
    """A name of the IANA database of time zones.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ValueError("not a time zone of the IANA database") from None
    return text


T = TypeVar("T", bound=ReviewedPart)


def validated(kind: type[T], said: object, name: str) -> T:
    """What a file says, as what it is; `name` is what an error calls the file.

    Raises:
        ValueError: names it, the place in it and what is wrong; values are not repeated.
    """
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        found = error.errors(include_input=False)
        places = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in found)
        raise ValueError(f"{name}: {places}") from None


def load(kind: type[T], path: Path) -> T:
    """A file that is one part.

    Raises:
        ValueError: it is not there, or names the place in it and what is wrong; values are not repeated.
    """
    try:
        said = read(path)
    except OSError:
        raise ValueError(f"{path.name}: there is no such file that can be read") from None
    return validated(kind, said, path.name)


class NotReviewedYaml(ValueError):
    """A file is not the YAML of a reviewed file. `line` is from 1; None: it is not known."""

    def __init__(self, name: str, line: int | None, problem: str) -> None:
        super().__init__(f"{name}: line {line}: {problem}" if line is not None else f"{name}: {problem}")
        self.line = line
        self.problem = problem


class _Loader(Composer, yaml.CSafeLoader):
    """PyYAML's safe loader over libyaml's parser, six times faster: every task reads all the files.

    It refuses aliases, by which a short file can expand without end. No reviewed file needs one.
    """

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)  # nodes are made here, not in C: aliases are seen before they expand

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            assert event
            problem = "an alias, which no reviewed file needs: write out what it stands for"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)  # type: ignore[arg-type]
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # as PyYAML has it
        """Says where, if Python does not take a value for the date or the number that it looks like."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
            if isinstance(node, yaml.ScalarNode):
                problem = "a date or a number that is none: put text in quotes"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None
            raise

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # as PyYAML has it
        """Refuses a key that stands twice: PyYAML would take the last and say nothing."""
        seen = set[str]()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key that stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def files(folder: Path) -> list[Path]:
    """The reviewed files of a folder, by name. What begins with a dot is none, as an editor's lock."""
    return [path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith(".")]


def read(path: Path) -> object:
    """What the file says.

    Raises:
        NotReviewedYaml: names the file, and where it is known the line.
    """
    return copy.deepcopy(_parsed(path.read_bytes(), path.name))


@lru_cache(maxsize=128)
def _parsed(text: bytes, name: str) -> object:
    """By what the file says, not by its name alone: a file that was changed is parsed anew. No setting stands in it."""
    return parse(text, name)


def lines(path: Path) -> dict[tuple[str | int, ...], int]:
    """The line of each part of a file that `read` takes, by the way to it: keys, and numbers within lists. From 1."""
    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: yaml.Node, way: tuple[str | int, ...]) -> None:
        found.setdefault(way, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found[(*way, key.value)] = key.start_mark.line + 1
                walk(value, (*way, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                walk(value, (*way, number))

    if node := _Loader(path.read_bytes().decode()).get_single_node():
        walk(node, ())
    return found


def parse(text: bytes, name: str) -> object:
    """What UTF-8 text says; `name` is what an error calls it.

    Raises:
        NotReviewedYaml: names it, and where it is known the line.
    """
    try:
        written = text.decode()
    except UnicodeDecodeError:
        raise NotReviewedYaml(name, None, "not text in UTF-8") from None
    try:
        return yaml.load(written, _Loader)  # noqa: S506  # a safe loader that takes less
    except yaml.MarkedYAMLError as error:
        # libyaml counts a line after the last one
        line = min(error.problem_mark.line + 1, len(text.splitlines())) if error.problem_mark else 0
        problem = _QUOTED.sub(lambda found: found[0] if found[1] is None else "something", error.problem or "")
        if _is_tab(written, error.problem_mark):
            problem = "a tab: indent with spaces"
        elif (begun := error.context_mark) and _OPEN.match(error.context or "") and begun.line + 1 < line:
            problem = f"{problem}; what is open began on line {begun.line + 1}"
        raise NotReviewedYaml(name, line, problem) from None
    except yaml.reader.ReaderError as error:
        at = written[: error.position].count("\n") + 1
        raise NotReviewedYaml(name, at, "a character that no text has") from None
    except (yaml.YAMLError, ValueError, RecursionError, ArithmeticError, LookupError, TypeError, AttributeError):
        # PyYAML raises whatever Python raises where a date or a number is not one
        raise NotReviewedYaml(name, None, "not the YAML of a reviewed file") from None


def _is_tab(text: str, mark: yaml.Mark | None) -> bool:
    there = text.splitlines()[mark.line : mark.line + 1] if mark else []
    return bool(mark and there and there[0][mark.column : mark.column + 1] == "\t")
