"""What a receiving center wants otherwise than the checklists say: a part of its reviewed file.

A list is a default, and the center's word wins. Both versions stand in the case.
"""

from datetime import date, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from transfer.checklist import Checklist, ChecklistLine, Checklists, Key, Necessity, Sections
from transfer.materials import MaterialKind
from transfer.records import RecordKind
from transfer.reviewed import ReviewedPart

#: what a center says of a line of a list
Wanted = Literal["required", "optional", "not-wanted"]
#: as `date.weekday` counts them
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ListChange(ReviewedPart):
    """What is otherwise on a list: lines by their keys, and lines of the center's own."""

    lines: dict[Key, Wanted] = Field(default_factory=dict)
    max_age_days: dict[Key, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    add: tuple[ChecklistLine, ...] = ()


class CenterNeeds(ReviewedPart):
    """What one center wants. `every_list` holds for the lines of these keys wherever they stand, `lists` for one list
    and before that.
    """

    #: None only where it says nothing
    version: Annotated[str, Field(min_length=1)] | None = None
    #: kinds of records that it wants none of: reports without the images
    without: frozenset[RecordKind] = frozenset()
    #: it reviews whole slide images in place of glass
    digital_slides: bool = False
    #: what it takes where no block comes
    instead_of_block: Sections | None = None
    #: it wants nothing before it has spoken with the patient: a person approves each packet
    after_first_contact: bool = False
    #: the last day of the week on which a packet counts for an appointment after it
    cut_off: Weekday | None = None
    #: the time of that day until which it counts, by the center's clocks; None: the whole day
    cut_off_at: time | None = None
    every_list: ListChange = ListChange()
    lists: dict[Key, ListChange] = Field(default_factory=dict)

    @field_validator("cut_off_at", mode="before")
    @classmethod
    def _is_written_in_quotes(cls, said: object) -> object:
        """Without quotes YAML reads 12:00 as a number of minutes."""
        if said is not None and not isinstance(said, str | time):
            raise ValueError('a time in quotes, as "12:00"')
        return said

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.model_fields_set - {"version"} and self.version is None:
            raise ValueError("a center that wants something else says the version of its word")
        if self.cut_off_at is not None and (self.cut_off is None or self.cut_off_at.tzinfo is not None):
            raise ValueError("the time of a cut-off stands with its day, and is by the center's clocks")
        if self.digital_slides and RecordKind.IMAGES in self.without:
            raise ValueError("whole slide images are images")
        return self

    def needed_by(self, appointment: date | None, said: date | None) -> date | None:
        """The day a packet is needed by: the last cut-off before the appointment's day there, or what is said if that
        is earlier.
        """
        if self.cut_off is None or appointment is None:
            return said
        days = (appointment.weekday() - _WEEKDAYS.index(self.cut_off)) % 7 or 7
        last = appointment - timedelta(days=days)
        return min(last, said) if said else last

    def until(self, needed_by: date) -> time | None:
        """The time on that day, by the center's clocks, until which a packet counts; None: the whole day, or it is no
        day of its cut-off.
        """
        is_cut_off = self.cut_off is not None and needed_by.weekday() == _WEEKDAYS.index(self.cut_off)
        return self.cut_off_at if is_cut_off else None

    def of(self, checklist: Checklist, center: str) -> Checklist:
        """The list as this center has it."""
        own = self.lists.get(checklist.id, ListChange())
        wanted = {**self.every_list.lines, **own.lines}
        ages = {**self.every_list.max_age_days, **own.max_age_days}
        listed = (*checklist.lines, *self.every_list.add, *own.add)
        lines = [
            self._line(line, wanted.get(line.key), ages.get(line.key))
            for line in listed
            if wanted.get(line.key) != "not-wanted" and not line.kinds <= self.without
        ]
        version = f"{checklist.version}, {center} {self.version}" if self.version else checklist.version
        return checklist.model_copy(update={"version": version, "lines": _consistent(lines)})

    def _line(self, line: ChecklistLine, wanted: Wanted | None, age: int | None) -> ChecklistLine:
        update: dict[str, Any] = {"kinds": line.kinds - self.without}
        if wanted:
            update |= {"necessity": Necessity(wanted), "condition": None}
        if age:
            update["max_age_days"] = age
        if line.digital_slides:
            update["digital_slides"] = self.digital_slides
        if line.counted and line.pieces is MaterialKind.BLOCK and self.instead_of_block:
            update["instead"] = self.instead_of_block
        return line.model_copy(update=update)


def _consistent(lines: list[ChecklistLine]) -> tuple[ChecklistLine, ...]:
    """Without what speaks of lines that this center does not want."""
    keys = {line.key for line in lines}
    groups = [line.one_of for line in lines if line.one_of]
    return tuple(
        line.model_copy(
            update={
                "max_days_from": line.max_days_from if line.max_days_from and line.max_days_from.line in keys else None,
                "one_of": line.one_of if line.one_of and groups.count(line.one_of) > 1 else None,
            }
        )
        for line in lines
    )


def check(needs: CenterNeeds, center: str, checklists: Checklists) -> None:
    """Make sure that a center's file fits the lists. What was looked at before is not looked at again.

    Raises:
        ValueError: it names a list or a line that there is not, or leaves of a list what is none.
    """
    _check(needs.model_dump_json(exclude_unset=True), center, tuple(checklists.values()))


@lru_cache(maxsize=128)
def _check(said: str, center: str, lists: tuple[Checklist, ...]) -> None:
    needs, checklists = CenterNeeds.model_validate_json(said), {one.id: one for one in lists}
    if unknown := sorted(set(needs.lists) - set(checklists)):
        raise ValueError(f"{center}.yaml: needs: no such checklist: {', '.join(unknown)}")
    everywhere = {line.key for one in checklists.values() for line in one.lines}
    named = [({one.key for one in checklists[key].lines}, change) for key, change in needs.lists.items()]
    for keys, change in (*named, (everywhere, needs.every_list)):
        if unknown := sorted({*change.lines, *change.max_age_days} - keys):
            raise ValueError(f"{center}.yaml: needs: no such line: {', '.join(unknown)}")
    for one in checklists.values():
        try:
            Checklist.model_validate(needs.of(one, center).model_dump())
        except ValidationError as error:
            why = "; ".join(e["msg"] for e in error.errors(include_input=False))
            raise ValueError(f"{center}.yaml: needs: {one.id}: {why}") from None
