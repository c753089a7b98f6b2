"""What a practised person's work takes, by the Keystroke-Level Model, and reading by rate: one model for both ways.

Operators and their seconds are those of Card, Moran, Newell: The Keystroke-Level Model for User Performance Time with
Interactive Systems (Communications of the ACM 23, 1980, pages 396-410, https://doi.org/10.1145/358886.358895). Of the
typists there the average one who is no secretary is taken, 40 words a minute. Where it places a mental operator, so is
one counted here: before each command and each field, and none within what is typed.

Reading is scanning: 600 words a minute (R. P. Carver, Reading Rate: Theory, Research, and Practical Implications,
Journal of Reading 36, 1992, pages 84-95). Of one view at most `MOST_WORDS` are scanned: who does this daily knows where
to look. A computer that answers takes the same time either way.
"""

from dataclasses import dataclass, fields
from typing import Final

KEY: Final = 0.28
#: to press a button of the mouse and let it go
BUTTON: Final = 0.2
POINT: Final = 1.1
#: a hand from keyboard to mouse, or back
HOME: Final = 0.4
THINK: Final = 1.35
#: until a page, a window or a file stands there
RESPONSE: Final = 0.5
WORD: Final = 60 / 600
MOST_WORDS: Final = 100
#: to look at a scanned page and see what it is: a heading, a name, a date
LOOK: Final = 3.0


@dataclass(slots=True)
class Effort:
    """What a person did, counted. `thoughts` are mental operators, `views` pages or windows that came up."""

    keys: int = 0
    clicks: int = 0
    homings: int = 0
    thoughts: int = 0
    views: int = 0
    words: int = 0
    #: at scanned pages
    looks: int = 0
    #: decisions that the system, or a colleague, puts to the person
    questions: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __sub__(self, other: "Effort") -> "Effort":
        return Effort(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))

    @property
    def seconds(self) -> float:
        return (
            self.keys * KEY
            + self.clicks * (POINT + BUTTON)
            + self.homings * HOME
            + self.thoughts * THINK
            + self.views * RESPONSE
            + self.words * WORD
            + self.looks * LOOK
        )

    @property
    def minutes(self) -> float:
        return self.seconds / 60
