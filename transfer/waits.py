"""Why a case waits and whose turn it is, as lists of cases keep it: codes and identifiers, nothing of the patient.

It is written where the case is judged, so that a list folds no case. What is stored are codes: an institution's name,
a zone and the words are looked up when somebody reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from transfer.codes import Code, Coded
from transfer.requests import Owner


class WhyCode(Code):
    """One reason why a case waits, or stands still."""

    #: a question to people; `question` is a `HoldCode`
    DECISION = "decision", "hold", "question"
    #: the patient paused or revoked the release forms, and none is in force
    STOPPED = "stopped", "how", "at"
    #: `notice` is a `PermissionNotice`
    NOTICE = "notice", "notice"
    #: `wait` is a `WaitCode`; `whom` names each department and by when, as `whom` writes it
    WAIT = "wait", "wait", "whom"
    PACKING = "packing", "packet"
    HANDING_OVER = "handing-over", "packet", "receiver"
    RECEIPT = "receipt", "packet", "receiver"
    NOT_ACTIVE = "not-active", "status"
    JUST_CAME = ("just-came",)
    LOOKED_AT_NEXT = ("looked-at-next",)
    DELIVERED = "delivered", "packet", "receiver"
    CLOSED = "closed", "ending", "other"
    PURGED = ("purged",)


class Why(Coded[WhyCode]):
    """A reason with its fields. The words are in `transfer.sentences.waits`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWait:
    """How a case stands in a list. `owner`: who is to act; None: nobody, it is delivered or closed.

    `lacking` are the keys of the required lines that are not settled.
    """

    owner: Owner | None
    why: tuple[Why, ...] = ()
    lacking: tuple[str, ...] = ()


#: who acts first where several are to act: whoever can settle most by one act
_FIRST: Final = (Owner.DESK, Owner.PATIENT, Owner.REFERRING_OFFICE, Owner.SOURCE, Owner.CENTER, Owner.WE)


def first_to_act(owners: Sequence[Owner]) -> Owner | None:
    """Whose turn a case is that waits for all of these; None: for nobody."""
    return min(owners, key=_FIRST.index, default=None)


def dump(why: Sequence[Why]) -> list[list[Any]]:
    """Reasons as JSON holds them."""
    return [[str(one.code), dict(one.fields)] for one in why]


def load(stored: Sequence[Sequence[Any]]) -> tuple[Why, ...]:
    """The reasons again.

    Raises:
        ValueError: not what `dump` wrote, or of another version.
    """
    return tuple(
        Why(WhyCode(code), **{name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()})
        for code, fields in stored
    )
