"""Facts of letters and of the codes on them. They stand in a case's chain.

One was queued, one begins to leave, one has left or has not; a code was given, somebody outside came by it.
"""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQueued(Fact, kind="letter-queued"):
    """A letter about a request is to go (`transfer.letters`). `which`: first, second, final. `is_automatic`: nobody
    asked for it, the one before was not answered.
    """

    letter: str
    request: str
    which: str
    way: str
    is_automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBegun(Fact, kind="letter-begun"):
    """It begins to leave: written before the first byte, with where it goes and what that rests on.

    The note has what it says; its HMAC is beside it.
    """

    letter: str
    request: str
    sent_to: str
    basis: str | None
    permission: str | None
    note: str
    hmac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSettled(Fact, kind="letter-settled"):
    """What became of it. `state`: `LetterState`; *queued*: it is tried again. `confirmation`: of whoever sends."""

    letter: str
    request: str
    state: str
    pages: int | None = None
    failure: str | None = None
    confirmation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCodeGiven(Fact, kind="letter-code-given"):
    """A code for a letter (`transfer.letter_codes`): for a request, or for the whole case. `until` is UTC."""

    holder: str
    until: str
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPinGiven(Fact, kind="letter-pin-given"):
    """A PIN for this holder's codes was told by telephone; the one before works no more. `until` is UTC."""

    holder: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPinShown(Fact, kind="letter-pin-shown"):
    """Somebody who had shown the code and the birth date typed the PIN, too: they may send and sign."""

    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCodesEnded(Fact, kind="letter-codes-ended"):
    """The codes that this holder had do not work any more."""

    holder: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterOpened(Fact, kind="letter-opened"):
    """Somebody outside showed a code and the patient's birth date, and saw what the holder of that code may see."""

    holder: str
    request: str | None = None
