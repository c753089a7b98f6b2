"""Which records answer which lines by themselves.

What a record is known to be is its kind, its LOINC code, its modalities and the parts of the body that its title names.
A line may hint at each. What contradicts a hint does not answer the line; what is silent on one answers it only if a
person says so. Who indexes pages of a paper says so there: no code stands on a page.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Final, Protocol

from transfer.body_parts import BodyPart
from transfer.checklist import ChecklistLine
from transfer.records import RecordKind

#: whole slide images (PS3.3 A.32.8)
WHOLE_SLIDE: Final = frozenset({"SM"})
#: what names a study, whatever else is in it: a PET/CT is no diagnostic CT, and the CT that was planned on neither
_LEADING: Final = (
    frozenset({"RTPLAN", "RTDOSE", "RTSTRUCT"}),
    frozenset({"PT"}),
    frozenset({"NM"}),
    WHOLE_SLIDE,
)
#: documents of any content (https://loinc.org): reports of a laboratory, of pathology, of genetics, of imaging, notes
_SAY_LITTLE: Final = frozenset(
    {
        *("loinc|11502-2", "loinc|26436-6"),
        *("loinc|11526-1", "loinc|11529-5", "loinc|22634-0", "loinc|22637-3", "loinc|60568-3"),
        *("loinc|51969-4", "loinc|51968-6", "loinc|81247-9"),
        *("loinc|18748-4", "loinc|11488-4", "loinc|34117-2"),
    }
)


class Fit(IntEnum):
    """How well a record fits a line. `PARTLY`: nothing contradicts it, and not all that the line says is known."""

    NOT = 0
    PARTLY = 1
    WHOLLY = 2


class Traits(Protocol):
    """What is known of a record."""

    @property
    def kind(self) -> RecordKind: ...
    @property
    def code(self) -> str | None:
        """Of LOINC, as a line spells it; None: it has none of LOINC."""

    @property
    def modalities(self) -> frozenset[str]: ...
    @property
    def body(self) -> frozenset[BodyPart]: ...
    @property
    def answers(self) -> frozenset[str]:
        """Keys of the lines that a person said it answers."""


def fit(line: ChecklistLine, record: Traits) -> Fit:
    """How well a record fits a line of records. Its age and its state are not looked at."""
    if record.kind not in line.kinds:
        return Fit.NOT
    if line.key in record.answers:
        return Fit.WHOLLY
    is_images = record.kind is RecordKind.IMAGES
    modalities = _leading(record.modalities)
    if is_images and not line.modalities and modalities == WHOLE_SLIDE:
        return Fit.NOT  # nobody asks for a slide as an image of the body
    hints = [_compared(line.body, record.body)] if line.body else []
    if line.modalities and is_images:
        hints.append(_compared(line.modalities, modalities))
    if line.codes and not is_images:
        code = record.code
        hints.append(_compared(line.codes, frozenset({code}) if code and code not in _SAY_LITTLE else frozenset()))
    return min(hints, default=Fit.WHOLLY)


def _compared(wanted: frozenset[str], said: frozenset[str]) -> Fit:
    if not said:
        return Fit.PARTLY
    return Fit.WHOLLY if wanted & said else Fit.NOT


def _leading(modalities: frozenset[str]) -> frozenset[str]:
    return next((leading & modalities for leading in _LEADING if leading & modalities), modalities)


def lines_answered(lines: Sequence[ChecklistLine], record: Traits, required: Collection[str]) -> tuple[str, ...]:
    """Keys of the lines that a record answers by itself; `required` are keys of lines that are required in the case.

    One record does not count for two lines that ask for different records. Of the lines whose hints it fits the first
    required one has it, else the first; a line that wants every one has it as well. What fits no hint goes to the lines
    that have none: nothing tells it from what another of them asks for, so no person's word of a case moves it.
    Of which lines a person said that it answers them, it answers those alone.
    """
    if said := [line.key for line in lines if line.key in record.answers and record.kind in line.kinds]:
        return tuple(said)
    fitting = [line for line in lines if not line.counted and fit(line, record) is Fit.WHOLLY]
    hinted = [line for line in fitting if line.has_hints]
    everywhere = [line.key for line in hinted if line.every]
    taking = [line for line in hinted if not line.every] if hinted else fitting
    first = [line for line in taking if (line.key in required if hinted else line.is_required)] or taking
    return (*everywhere, *(line.key for line in first[:1]))


def line_suggested(lines: Sequence[ChecklistLine], record: Traits) -> str | None:
    """The line that a record is put on: one that it answers, else the first of which a person may say so.

    None: it answers none, and is kept all the same.
    """
    answered = lines_answered(lines, record, {line.key for line in lines if line.is_required})
    partly = (line.key for line in lines if not line.counted and fit(line, record) is Fit.PARTLY)
    return answered[-1] if answered else next(partly, None)
