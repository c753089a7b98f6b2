"""One C-GET (PS3.4 C.4.3): the archive sends instances as sub-operations over the association that asked for them."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Final

from transfer.adapters.dicom.fetching import Looks
from transfer.adapters.dicom.header import UID
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.part10 import file_head
from transfer.adapters.dicom.series import Arriving, Bytes, Gathering
from transfer.adapters.dimse import command, identifier, negotiation
from transfer.adapters.dimse.association import Association, DimsePeer
from transfer.adapters.dimse.command import Command
from transfer.adapters.dimse.connection import DimseTimeouts, Ended
from transfer.adapters.dimse.negotiation import Context
from transfer.errors import TooLarge, Unexpected
from transfer.sources import Ending

#: UIDs of one C-GET: some archives bound what a question may be long
_UIDS: Final = 100
#: bytes of the list of those that failed
_MOST_FAILED: Final = 16 << 20


class Fetch:
    """One fetch: from the archive's sub-operations to the members of a tar."""

    def __init__(
        self, peer: DimsePeer, timeouts: DimseTimeouts, limits: DicomLimits, looks: Looks, gathering: Gathering
    ) -> None:
        self._peer = peer
        self._timeouts = timeouts
        self._limits = limits
        self._looks = looks
        self._gathering = gathering
        self._messages = 0

    def instances(
        self, keys: Mapping[str, str], rest: frozenset[str] | None, classes: Callable[[], dict[str, str | None]]
    ) -> Generator[Bytes, None, None]:
        """What a series brings, or the `rest` of it as far as the archive still has it: some send nothing at all when
        asked for one that they do not know. `classes` says what it has, and of which SOP classes.
        """
        self._looks.now()
        has = {uid: kind for uid, kind in classes().items() if rest is None or uid in rest}
        if not has:
            return
        contexts = [Context(negotiation.GET), *negotiation.storage(_known(has.values()))]
        try:
            with Association(self._peer, contexts, self._timeouts, self._looks) as association:
                association.agreed.takes()
                association.bound(self._timeouts.deadline)
                for number, asked in enumerate(_questions(keys, None if rest is None else sorted(has)), 1):
                    yield from self._answer(association, number, asked)
                    if self._gathering.ending is not Ending.CLOSED:
                        break
        except Ended as end:
            self._gathering.ending = end.ending

    def _answer(self, association: Association, number: int, asked: bytes) -> Iterator[Bytes]:
        context = association.agreed.speaks(negotiation.GET)
        association.send(context, command.question(command.GET, negotiation.GET, number), asked)
        quiet_until = time.monotonic() + self._timeouts.quiet
        while True:
            of, said = association.command()
            self._count()
            if said.field == command.STORE:
                yield from self._take(association, of, said)
                quiet_until = time.monotonic() + self._timeouts.quiet
                continue
            if of != context or not said.is_answer(command.GET, number):
                raise Unexpected("the archive answered a retrieve with something else")
            if said.has_data:  # which instances failed: those we do not have
                association.data_set(of, _MOST_FAILED)
            if said.status not in command.PENDING:
                self._close(said.status)
                return
            if time.monotonic() > quiet_until:
                raise Ended(Ending.STALLED)

    def _take(self, association: Association, of: int, said: Command) -> Iterator[Bytes]:
        """One C-STORE sub-operation (PS3.7 9.3.1), kept as a file; then it is told so."""
        context = association.agreed.contexts[of]
        if not (context.is_storage and said.has_data and said.number >= 0 and said.sop_class and said.sop_instance):
            raise Unexpected("the archive sent an instance without what makes it one")
        unreadable = self._gathering.unreadable
        instance = Arriving(self._limits)
        try:
            instance.add(memoryview(file_head(said.sop_class, said.sop_instance, *context.transfer_syntaxes)))
            for piece in association.stream(of):
                instance.add(piece)
            yield from self._gathering.take(instance, called=said.sop_instance)
        finally:
            instance.close()
        understood = unreadable == self._gathering.unreadable
        association.send(of, command.stored(said, command.SUCCESS if understood else command.NOT_UNDERSTOOD))

    def _count(self) -> None:
        self._messages += 1
        if self._messages > self._limits.parts:
            raise TooLarge(f"the archive sent more than {self._limits.parts} messages")

    def _close(self, status: int) -> None:
        if status == command.SUCCESS:
            return
        if status != command.IN_PART and not self._gathering.index:
            raise command.refusal(status)
        self._gathering.ending = Ending.IN_PART


def _known(classes: Iterable[str | None]) -> frozenset[str]:
    """The SOP classes; none if one of them was not told, for then all that are usual are offered."""
    told = frozenset(kind if kind and UID.fullmatch(kind) else "" for kind in classes)
    return frozenset() if "" in told else told


def _questions(keys: Mapping[str, str], rest: list[str] | None) -> Iterator[bytes]:
    if rest is None:
        yield identifier.get("SERIES", keys)
        return
    for at in range(0, len(rest), _UIDS):
        yield identifier.get("IMAGE", {**keys, "SOPInstanceUID": identifier.uids(rest[at : at + _UIDS])})
