"""The message store of the MLLP doors: short messages go into their row, long ones by way of a spool into the vault."""

import asyncio
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any

from transfer.adapters import enclosed, hl7v2
from transfer.adapters.hl7v2.acknowledge import ErrorCode
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.arrivals import GRANTS_FOR, ArrivalKind, Door, Grant
from transfer.doors import FrameEnding, MllpDoor
from transfer.errors import TooLarge, Unreadable
from transfer.flow.objections import ReceivedObjections, object_to_release
from transfer.gateway.intake import Intake, OnStored
from transfer.gateway.mllp.messages import Answered, Frame, StoreOutcome, StoreResult
from transfer.gateway.mllp.port import designators
from transfer.gateway.payload import Sink, Spool
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.ledger import Tx, frames
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.objections import Objection
from transfer.staging import Location, Vault

_STORED = StoreResult(StoreOutcome.STORED)
_DUPLICATE = StoreResult(StoreOutcome.DUPLICATE)


class LedgerMessageStore:
    """`MessageStore` over the ledger and the vault. `folder` holds what is long and still arriving."""

    def __init__(self, intake: Intake, vault: Vault, institutions: Institutions, folder: Path) -> None:
        self._intake = intake
        self._vault = vault
        self._institutions = institutions
        self._folder = folder

    def sink(self, institution: InstitutionId) -> Sink:  # noqa: ARG002  all spool into one folder
        return Spool(self._folder)

    def note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        self._intake.write(lambda tx: frames.note(tx, institution, ending))

    def store(self, frame: Frame, answered: Answered) -> Coroutine[Any, Any, StoreResult] | None:
        if self._needs_care(frame):
            return self._with_care(frame)

        def on_answer(stored: Stored | BaseException) -> None:
            answered(_result(stored) if isinstance(stored, Stored) else stored)

        self._intake.begin(_arrival(frame, None, is_several=False), on_answer)
        return None

    def _needs_care(self, frame: Frame) -> bool:
        """There is more to it than to store it. The order is that of the cost."""
        institution = self._institutions[frame.institution]
        return (
            frame.payload is None
            or frame.header.is_batch
            or hl7v2.kind(frame.header) is ArrivalKind.REFERRAL
            or not may_send(frame.header, institution.grants)
            or self._institutions.shares_port(frame.institution)
            or _may_object(frame)
        )

    async def _with_care(self, frame: Frame) -> StoreResult:
        if not may_send(frame.header, self._institutions[frame.institution].grants):
            _discard(frame)
            return StoreResult(StoreOutcome.REFUSED, ErrorCode.UNSUPPORTED_TYPE)
        is_several = await _is_several(frame)
        if not await self._is_of_one(frame):
            _discard(frame)
            return StoreResult(StoreOutcome.REFUSED, ErrorCode.UNKNOWN_VALUE)
        try:
            on_stored = await self._objecting(frame)
        except TooLarge:
            _discard(frame)
            return StoreResult(StoreOutcome.REFUSED, ErrorCode.UNKNOWN_VALUE)
        location = None
        if frame.payload is None:
            location = await asyncio.to_thread(self._to_vault, frame)
        # Where the ledger's answer is lost the arrival may be there and name the object: it is not taken back.
        stored = await self._intake.store(_arrival(frame, location, is_several=is_several), on_stored)
        if stored.is_duplicate and location:
            await asyncio.to_thread(self._vault.remove, location.key)
        return _result(stored)

    async def _is_of_one(self, frame: Frame) -> bool:
        """Whether all its messages are its institution's. Where several share a port, a further message in the frame
        may be another's. Its sender keeps such a frame and sends each institution's messages apart.
        """
        door = self._institutions[frame.institution].mllp_door
        if door is None or not self._institutions.shares_port(frame.institution):
            return True
        if not await asyncio.to_thread(hl7v2.is_several, frame.chunks()):
            return True
        async with self._intake.one_at_a_time:
            return await asyncio.to_thread(_are_all_of, door, frame)

    async def _objecting(self, frame: Frame) -> OnStored | None:
        """What its segments or its words object to stops in the transaction that stores it. A long frame is read by
        itself.

        Raises:
            TooLarge: they object to more than is settled at once. The sender keeps it, and sends it in parts.
        """
        institution = self._institutions[frame.institution]
        if frame.payload is not None:
            if not _may_object(frame):
                return None
            objections = await asyncio.to_thread(_objections, frame, institution)
        elif not await asyncio.to_thread(_may_object, frame):
            return None
        else:
            async with self._intake.one_at_a_time:
                objections = await asyncio.to_thread(_objections, frame, institution)
        if not objections:
            return None

        def stop(tx: Tx, stored: Stored) -> None:
            received = ReceivedObjections(objections=objections, arrival=stored.arrival, sender=frame.institution)
            object_to_release(tx, self._institutions, received)

        return stop

    def _to_vault(self, frame: Frame) -> Location:
        assert frame.sink is not None  # it is long
        try:
            return self._vault.keep_file(frame.sink.file(), frame.length, frame.sha256)
        finally:
            _discard(frame)


def _are_all_of(door: MllpDoor, frame: Frame) -> bool:
    try:
        headers = [hl7v2.header(message) for message in hl7v2.batch(b"".join(frame.chunks())).messages]
    except (TooLarge, Unreadable):
        return False
    return all(door.is_of(designators(header)) for header in headers)


def _objections(frame: Frame, institution: Institution) -> tuple[Objection, ...]:
    return enclosed.against(b"".join(frame.chunks()), institution)


def _may_object(frame: Frame) -> bool:
    return hl7v2.may_object(frame.chunks()) or enclosed.may_enclose(frame.chunks())


def _discard(frame: Frame) -> None:
    if frame.sink is not None:
        frame.sink.discard()


def may_send(header: MessageHeader, grants: Collection[Grant]) -> bool:
    """Whether who is granted these may send such a message. Of a batch each message is asked about once it is divided;
    here it is enough that some could be sent.
    """
    if header.is_batch:
        return any(granted & {*grants} for granted in GRANTS_FOR.values())
    return bool(GRANTS_FOR[hl7v2.kind(header)] & {*grants})


async def _is_several(frame: Frame) -> bool:
    """Frames that ran into each other look like their first message. Only for a referral does it matter here: it would
    be given a case.
    """
    if frame.header.is_batch or hl7v2.kind(frame.header) is not ArrivalKind.REFERRAL:
        return frame.header.is_batch
    return await asyncio.to_thread(hl7v2.is_several, frame.chunks())


def _result(stored: Stored) -> StoreResult:
    return _DUPLICATE if stored.is_duplicate else _STORED


def _arrival(frame: Frame, location: Location | None, *, is_several: bool) -> NewArrival:
    """The same bytes under the same control id are the same arrival; other bytes are another, and a conflict.

    The number that a batch answers to may be its first message's, which is no conflict.
    """
    control = frame.header.control_id
    return NewArrival(
        institution=frame.institution,
        door=Door.MLLP,
        kind=ArrivalKind.NOTICE if is_several else hl7v2.kind(frame.header),
        business=f"{control}|{frame.sha256}",
        control=None if is_several else control or None,
        content_type=HL7_V2,
        payload=frame.payload,
        location=location,
        content_sha256=bytes.fromhex(frame.sha256),
    )
