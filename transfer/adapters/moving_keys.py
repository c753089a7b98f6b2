"""Moving all keys from one place to another, in steps that may each be done again."""

from collections.abc import Callable
from dataclasses import dataclass

from transfer.adapters.held_keys import HeldKeys
from transfer.errors import Refused
from transfer.sealing import SIGNER, SITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What is at the new place now: keys, names of destroyed ones, permissions that ended."""

    keys: int
    destroyed: int
    ends: int


def move_keys(old: HeldKeys, new: HeldKeys, where: str, told: Callable[[int, int], None]) -> Moved:
    """Have at `new` all that is at `old`. From the first step on, `old` makes and destroys nothing: `where` says why.

    Interrupted anywhere, it is done again. A key destroyed at either place is not brought back, and is destroyed at the
    new one. `told` hears how many are there, of how many.

    Raises:
        Refused: `new` has another installation's keys, or another key under a name. Nothing was written over.
        KeyGone: there is nothing at `old`.
        OutOfOrder: a place does not answer.
    """
    site, was = old.fetch(SITE), new.moved()
    new.say_moved("")  # they may have been moved away from there before
    if new.offer(SITE, site) != site:
        new.say_moved(was)
        raise Refused("the keys there are another installation's; nothing was changed")
    old.say_moved(where)
    if new.moved():
        old.say_moved("")
        raise Refused("both are one place")
    names = old.names()
    gone = {*old.destroyed(), *new.destroyed()}
    for done, name in enumerate(names, 1):
        if name not in gone and new.offer(name, secret := old.fetch(name)) != secret:
            what = "signing key" if name == SIGNER else "key"
            raise Refused(f"another {what} is kept there under one name; nothing was written over")
        told(done, len(names))
    for name in sorted(gone):
        new.name_destroyed(name)
    ends = old.noted_ends()
    for permission, how in ends.items():
        new.note_end(permission, how)
    kept = set(new.names())
    if not {name for name in names if name not in gone} <= kept:
        raise Refused("not every key is at the new place; run it again")
    return Moved(keys=len(kept), destroyed=len(gone), ends=len(ends))
