"""Reading a YAML file that people reviewed. An error names the place of the mistake and repeats no value."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict


class ReviewedPart(BaseModel):
    """A part of a reviewed file: unknown keys are mistakes, nothing changes once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Loader(yaml.SafeLoader):
    """Refuses aliases, by which a short file can expand without end. No reviewed file needs one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "an alias", mark)
        return super().compose_node(parent, index)


def read(path: Path) -> object:
    """What the file says.

    Raises:
        ValueError: names the file, and where it is known the line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a SafeLoader that takes less
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ValueError(f"{path.name}: line {line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError, ArithmeticError, LookupError, TypeError, AttributeError):
        # PyYAML raises whatever Python raises where a date or a number is not one
        raise ValueError(f"{path.name}: not the YAML of a reviewed file") from None
