"""Agreeing on an association (PS3.8 7.1): what we propose, and what of it was accepted. pynetdicom knows the forms."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from transfer.adapters.dicom.part10 import IMPLEMENTATION
from transfer.errors import TransferError, TurnedAway, Unexpected, Unreachable

if TYPE_CHECKING:
    from pynetdicom.presentation import PresentationContext

# Verification (PS3.4 A.4)
VERIFICATION: Final = "1.2.840.10008.1.1"
# Query/Retrieve Information Models, Study Root (PS3.4 C.6.2)
FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

_IMPLICIT: Final = "1.2.840.10008.1.2"
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_RLE: Final = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
_JPEG: Final = "1.2.840.10008.1.2.4."
#: in which an instance may be stored; not those whose pixels lie elsewhere (JPIP)
_STORED: Final = (
    *(_EXPLICIT, _IMPLICIT, f"{_JPEG}70", f"{_JPEG}90", f"{_JPEG}50", f"{_JPEG}91", f"{_JPEG}80", f"{_JPEG}81"),
    *(_RLE, f"{_JPEG}51", f"{_JPEG}57", _DEFLATED, _BIG_ENDIAN, f"{_JPEG}92", f"{_JPEG}93", _DEFLATED_FRAMES),
    *(f"{_JPEG}{n}" for n in (201, 202, 203, 100, 101, 102, 103, 104, 105, 106, 107, 108, 110, 111, 112)),
)
#: with classes we do not know beforehand a proposal would grow too long for some archives
_MOST_USUAL: Final = _STORED[:9]
#: presentation contexts of one association: odd numbers of one byte (PS3.8 9.3.2.2)
_MOST: Final = 128
#: the longest P-DATA-TF we read
MOST_PDU: Final = 128 << 10


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context: what is spoken of, and in which transfer syntaxes."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...] = (_IMPLICIT,)
    #: they send these to us (PS3.7 D.3.3.4)
    is_storage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was accepted, by presentation context ID."""

    contexts: dict[int, Context]
    #: the longest P-DATA-TF they read
    most: int

    def speaks(self, abstract_syntax: str) -> int:
        """The context for a question of ours. Raises `Unexpected`."""
        number = self.context_of(abstract_syntax)
        if number is None:
            raise Unexpected("the archive does not offer C-FIND and C-GET of the Study Root")
        return number

    def context_of(self, abstract_syntax: str) -> int | None:
        """The context of this syntax, if it was accepted."""
        return next((n for n, one in self.contexts.items() if one.abstract_syntax == abstract_syntax), None)

    def takes(self) -> None:
        """They may send us instances. Raises `Unexpected`."""
        if not any(context.is_storage for context in self.contexts.values()):
            raise Unexpected("the archive sends none of its instances by C-GET")


def storage(classes: Iterable[str]) -> list[Context]:
    """Contexts for these classes of instances, so that each can be sent in the transfer syntax it is stored in.

    An archive accepts one transfer syntax of a context, whatever its instances are in. So each syntax has a context of
    its own as far as there is room, and the rest share one.
    """
    known = sorted(classes)
    usual = known or _usual_classes()
    syntaxes = _STORED if known else _MOST_USUAL
    each = max(1, (_MOST - 1) // len(usual))
    alone, together = (syntaxes, ()) if each >= len(syntaxes) else (syntaxes[: each - 1], syntaxes[each - 1 :])
    groups = [*((one,) for one in alone), *([together] if together else [])]
    return [Context(each_class, group, is_storage=True) for each_class in usual for group in groups][: _MOST - 1]


@cache
def _usual_classes() -> list[str]:
    from pynetdicom import StoragePresentationContexts

    return [str(context.abstract_syntax) for context in StoragePresentationContexts]


def proposal(called: str, calling: str, contexts: list[Context]) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    from pydicom.uid import UID
    from pynetdicom import build_role
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        MaximumLengthNotification,
    )

    longest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    longest.maximum_length_received = MOST_PDU
    implementation.implementation_class_uid = UID(IMPLEMENTATION)
    roles = [build_role(uid, scp_role=True) for uid in sorted({c.abstract_syntax for c in contexts if c.is_storage})]
    request = A_ASSOCIATE()
    request.application_context_name = UID("1.2.840.10008.3.1.1.1")
    request.called_ae_title, request.calling_ae_title = called, calling
    request.presentation_context_definition_list = _numbered(contexts)
    request.user_information = [longest, implementation, *roles]
    return bytes(A_ASSOCIATE_RQ(request).encode())


def agreed(contexts: list[Context], answer: bytes) -> Agreed:
    """What an A-ASSOCIATE-AC accepts of the proposal. Raises `Unexpected`."""
    from pynetdicom.pdu import A_ASSOCIATE_AC
    from pynetdicom.presentation import negotiate_as_requestor

    try:
        pdu = A_ASSOCIATE_AC()
        pdu.decode(answer)
        said = pdu.to_primitive().presentation_context_definition_results_list
        information = pdu.user_information
        assert information is not None
        roles = {uid: (bool(r.scu_role), bool(r.scp_role)) for uid, r in information.role_selection.items()}
        most = information.maximum_length or MOST_PDU
        outcome = negotiate_as_requestor(_numbered(contexts), said, roles)  # type: ignore[arg-type]  # dict of bools
        accepted = {
            2 * place + 1: Context(proposed.abstract_syntax, (str(one.transfer_syntax[0]),), proposed.is_storage)
            for place, (proposed, one) in enumerate(zip(contexts, outcome, strict=True))
            if one.result == 0 and one.transfer_syntax and (one.as_scp if proposed.is_storage else one.as_scu)
        }
    except Exception:  # noqa: BLE001  a library's reader, given a peer's bytes
        raise Unexpected("the archive's answer to our proposal cannot be read") from None
    offered = {number: contexts[number // 2].transfer_syntaxes for number in accepted}
    if any(one.transfer_syntaxes[0] not in offered[number] for number, one in accepted.items()) or most < 1024:
        raise Unexpected("the archive agrees to what was not proposed")
    return Agreed(contexts=accepted, most=min(most, MOST_PDU))


def rejection(answer: bytes) -> TransferError:
    """Our error for an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    result, source, reason = answer[7:10] if len(answer) >= 10 else (1, 0, 0)
    if source == 1 and reason == 7:
        return TurnedAway("the archive does not know itself by the called AE title")
    if source == 1 and reason == 3:
        return TurnedAway("the archive does not know our AE title")
    if result == 2 or source == 3:
        return Unreachable("the archive takes no association now")
    if source == 1 and reason == 1:
        return TurnedAway("the archive takes no association with us")
    return Unexpected("the archive takes no association of this kind")


def _numbered(contexts: list[Context]) -> "list[PresentationContext]":
    from pynetdicom import build_context

    made = []
    for number, context in enumerate(contexts):
        one = build_context(context.abstract_syntax, list(context.transfer_syntaxes))
        one.context_id = 2 * number + 1
        one.scu_role, one.scp_role = not context.is_storage, context.is_storage
        made.append(one)
    return made
