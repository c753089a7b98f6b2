"""A case ends: nobody is asked any more, its questions fall, the links of its packets work no more. Or one packet of it
is given up that can leave to nobody.
"""

from transfer import facts
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState
from transfer.facts import Chain
from transfer.holds import OF_STUCK_PACKETS, OUTLASTING, HoldCode, SystemAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, arrivals, cases, holds, requests, rounds
from transfer.requests import RequestState
from transfer.rounds import Dag


def end_case(tx: Tx, case: CaseId, ending: str, *, note: str | None = None, other: CaseId | None = None) -> int:
    """End it, in a transaction that holds its lock. Says how many requests were withdrawn. `other` goes on instead.

    What was asked of people about an ended permission stays: a purge does not depend on the case.
    """
    withdrawn = 0
    for request in requests.of_case(tx, case):
        if request.state.is_open or request.state is RequestState.NOT_PERMITTED:
            requests.move(tx, request, RequestState.WITHDRAWN)
            withdrawn += 1
    for hold in holds.open_holds(tx, case):
        if hold.code not in OUTLASTING:
            holds.resolve(tx, hold.id, SystemAnswer.CLOSED)
        if hold.code is HoldCode.RECEIVER_CHANGED and hold.about:
            rounds.owe(tx, Dag.OPEN_CASE, hold.about)  # the referral that named another center is looked at by itself
        if hold.code is HoldCode.WHOSE_ANSWER:
            _let_others_ask(tx, case)
    tx.append(Chain.case(case), facts.CaseClosed(ending=ending, note=note, other=other))
    if tx.case(case).opened is None:
        _let_referral_lapse(tx, case)
    return withdrawn


def _let_others_ask(tx: Tx, case: CaseId) -> None:
    """Whose it is that a source gave is asked on one case of the patient. The others ask it when this one ends."""
    opened = tx.case(case).as_opened
    for other in cases.open_of(tx, [opened.patient]) if opened else ():
        if other != case:
            rounds.owe(tx, Dag.OPEN_CASE, other)


def _let_referral_lapse(tx: Tx, case: CaseId) -> None:
    """Seal a referral that opened no case. It is purged like an unmatched message; of a patient we know, with them."""
    for name in arrivals.of_subject(tx, case, ArrivalKind.REFERRAL):
        arrival = arrivals.claim(tx, name)
        if arrival and arrival.patient:
            arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.CLOSED)
        elif arrival:
            arrivals.settle(
                tx, arrival, ArrivalState.SEALED, ArrivalOutcome.CLOSED, purge_after=arrivals.UNMATCHED_RETENTION
            )


def give_up_newest(tx: Tx, case: CaseId, why: str, note: str | None = None) -> str | None:
    """Give up the newest packet, if it is on its way and has left to nobody. Its id; None: there is none such."""
    newest = tx.case(case).newest_packet
    if newest is None or not newest.is_on_its_way or newest.may_have_left:
        return None
    packet = newest.planned.packet
    tx.append(Chain.case(case), facts.PacketGivenUp(packet=packet, why=why, note=note))
    for code in OF_STUCK_PACKETS:
        holds.withdraw(tx, case, code, SystemAnswer.GIVEN_UP, about=packet)
    return packet


def gives_way(tx: Tx, case: CaseId) -> str | None:
    """Why the newest packet, which has left to nobody, gives way to another; None: it does not.

    It holds what is void since; or it cannot leave, and more has come since it was put together.
    """
    found = tx.case(case)
    newest = found.newest_packet
    if newest is None or not newest.is_on_its_way or newest.may_have_left or newest.assembled is None:
        return None
    packet = newest.planned.packet
    if found.void_in(packet):
        return "void"
    is_stuck = any(one.about == packet and one.code in OF_STUCK_PACKETS for one in found.holds.values())
    return "newer" if is_stuck and found.news else None
