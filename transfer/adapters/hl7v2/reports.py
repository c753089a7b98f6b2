"""The segments of a message that speak of one document: a report by its order (OBR), or a document by its TXA."""

from collections.abc import Sequence
from dataclasses import dataclass

from transfer.adapters.hl7v2.message import Message, Segment

#: results of a message: ORU by order; OUL by specimen or container, and by order within it (v2.9 ch. 7.3)
RESULTS = frozenset({"ORU", "OUL"})
#: OBX-11 of a result that stands no more: deleted, or posted to the wrong patient
DELETED, WRONG_PATIENT = "D", "W"


@dataclass(frozen=True, slots=True)
class Report:
    """What speaks of one document."""

    patient: Segment | None
    #: OBR, OBX, NTE, SPM, ORC, TXA in order
    segments: tuple[Segment, ...]

    def named(self, *names: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name in names]

    @property
    def standing(self) -> list[Segment]:
        """Its results (OBX), without those that the sender took back."""
        return [result for result in self.named("OBX") if state(result) not in (DELETED, WRONG_PATIENT)]


def state(result: Segment) -> str:
    """OBX-11, table 0085."""
    return (result.text(11) or "").upper()


def reports(message: Message) -> list[Report]:
    """Results by report: an OBR and what follows it. OBRs of one filler number are one report.

    In an OUL a specimen and what is said of it stand before the orders they belong to.
    """
    joined: dict[tuple[object, object], tuple[Segment | None, dict[Segment, None]]] = {}
    for number, order in enumerate(orders(message, message.segments_in_order).orders):
        obr = next((segment for segment in order.segments if segment.name == "OBR"), None)
        if obr is None and not order.named("OBX"):
            continue  # notes about a specimen
        key = (id(order.patient), (obr.raw(3) or number) if obr else number)
        joined.setdefault(key, (order.patient, {}))[1].update(dict.fromkeys(order.segments))
    return [Report(patient, tuple(segments)) for patient, segments in joined.values()]


def written(message: Message) -> list[Report]:
    """What speaks of each document of an MDM: its TXA and what follows it. By the standard there is one; some senders
    put several into a message.
    """
    found: list[Report] = []
    patient, begun = message.first("PID"), list[Segment]()
    for segment in message.segments_in_order:
        if segment.name in ("TXA", "PID") and begun:
            found.append(Report(patient, tuple(begun)))
            begun = []
        if segment.name == "PID":
            patient = segment
        if segment.name == "TXA" or begun:
            begun.append(segment)
    return [*found, Report(patient, tuple(begun))] if begun else found


def orders(message: Message, segments: Sequence[Segment]) -> "Orders":
    """Each OBR of these segments with what belongs to it; results without any, too."""
    found = Orders(is_by_specimen=message.header.message_type == "OUL")
    for segment in segments:
        found.read(segment)
    found.end()
    return found


class Orders:
    """The orders read so far, each with its patient, and the notes of each patient that belong to no order."""

    def __init__(self, *, is_by_specimen: bool) -> None:
        self.patients: list[Segment | None] = []
        self.notes: list[tuple[Segment | None, Segment]] = []
        self._orders: list[tuple[Segment | None, list[Segment]]] = []
        self._is_by_specimen = is_by_specimen
        self._patient: Segment | None = None
        #: what stands before its OBR: ORC and what follows it, of an OUL the specimen
        self._before: list[Segment] = []
        self._specimen: list[Segment] = []
        self._is_specimen_used = True
        self._is_in_order = False

    @property
    def orders(self) -> list[Report]:
        return [Report(patient, tuple(segments)) for patient, segments in self._orders]

    def read(self, segment: Segment) -> None:
        if segment.name == "PID":
            self.end()
            self._patient, self._specimen, self._is_in_order = segment, [], False
            self.patients.append(segment)
        elif self._begins_specimen(segment):
            self._begin_specimen(segment)
        elif segment.name == "ORC" and not self._is_by_specimen:
            self._let_go()
            self._before = [segment]
        elif segment.name == "OBR":
            self._begin(segment)
        elif self._before and segment.name != "OBX":
            self._before.append(segment)
        else:
            self._belongs(segment)

    def end(self) -> None:
        """Nothing further belongs to what was begun."""
        self._let_go()
        if not self._is_specimen_used and any(segment.name in ("OBX", "NTE") for segment in self._specimen):
            self._orders.append((self._patient, self._specimen))
        self._is_specimen_used = True

    def _belongs(self, segment: Segment) -> None:
        self._let_go()
        if not self._is_specimen_used:
            self._specimen.append(segment)
        elif self._is_in_order:
            self._orders[-1][1].append(segment)
        elif segment.name == "OBX":
            self._begin(segment)
        elif segment.name == "NTE":
            self.notes.append((self._patient, segment))

    def _let_go(self) -> None:
        """What stood before an order that did not come belongs to the one before."""
        before, self._before = self._before, []
        if before and self._is_in_order:
            self._orders[-1][1].extend(before)
        else:
            self.notes += ((self._patient, segment) for segment in before if segment.name == "NTE")

    def _begins_specimen(self, segment: Segment) -> bool:
        """By specimen or container the order comes after it; by order the specimen does (OUL^R24)."""
        if not self._is_by_specimen or segment.name not in ("SPM", "SAC"):
            return False
        return not self._is_in_order or bool(self._specimen)

    def _begin_specimen(self, segment: Segment) -> None:
        if not self._is_specimen_used:  # a container within its specimen
            self._specimen.append(segment)
            return
        self._specimen, self._is_specimen_used, self._is_in_order = [segment], False, False

    def _begin(self, segment: Segment) -> None:
        before, self._before = self._before, []
        self._orders.append((self._patient, [*self._specimen, *before, segment]))
        self._is_specimen_used, self._is_in_order = True, True
