"""A service that faxes says later that a line was busy: the letter goes again, or a person decides."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Event
from typing import Final

from transfer.errors import TransferError
from transfer.fax_reports import FaxOutcome, FaxRule, letters_named, outcome_of
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.incoming import WhyRefused
from transfer.ledger import Tx, holds, letters, requests, rounds
from transfer.letters import Letter, LetterState, SendingFailure, SendingWay, next_try
from transfer.logs import told
from transfer.paper_lines import ReportLine
from transfer.rounds import Dag

#: between two looks at the mailbox
LOOK_EVERY_SECONDS: Final = 60.0
_log = logging.getLogger(__name__)


def watch(
    services: Services, line: ReportLine, rules: Sequence[FaxRule], stop: Event, *, every: float = LOOK_EVERY_SECONDS
) -> None:
    """Look at the mailbox until stopped. One that does not answer is tried again."""
    while not stop.is_set():
        try:
            look_at_reports(services, line, rules)
        except TransferError as error:
            _log.warning("reports of faxes: %s", told(error))
        stop.wait(every)


def look_at_reports(services: Services, line: ReportLine, rules: Sequence[FaxRule]) -> int:
    """Take in what the service wrote; how many messages. What names no letter of ours is put aside there, for a person.

    Raises:
        Unavailable: the mailbox or the ledger does not answer; what is left waits for the next look.
    """
    count = 0
    for report in line.waiting():
        if take_report(services, report.words, rules):
            report.keep()
        else:
            report.refuse(WhyRefused.NO_PAPER)
        count += 1
    return count


def take_report(services: Services, words: str, rules: Sequence[FaxRule]) -> bool:
    """Let it take effect on the letter that it names: one that did not go through is tried again as `next_try` says,
    or a person decides. Words that no rule has are a question. The same again changes nothing. False: it names no
    letter of ours, or several.
    """
    outcome, named = outcome_of(words, rules), letters_named(words)
    with services.ledger.transaction() as tx:
        known = [one for name in sorted(named) if (one := letters.get(tx, name))]
        if len(known) != 1:
            return False
        tx.lock_case(known[0].case)
        letter = letters.get(tx, known[0].id) or known[0]
        if not tx.case(letter.case).is_open or letter.state is not LetterState.SENT:
            return True
        if outcome is None:
            holds.place(tx, letter.case, HoldCode.FAX_REPORT_UNREAD, letter.id)
        elif outcome is not FaxOutcome.SENT and letter.way is SendingWay.FAX:
            _not_through(tx, services, letter, SendingFailure(outcome))
    return True


def _not_through(tx: Tx, services: Services, letter: Letter, failure: SendingFailure) -> None:
    request = requests.get(tx, letter.request)
    others = [one for one in letters.of_request(tx, letter.request) if one.id != letter.id and _is_to_go(one)]
    if request is None or any(not one.is_automatic for one in others):
        return  # a person has the next one on its way
    for one in others:  # it would follow a letter that reached nobody
        letters.settle(tx, one, LetterState.NOT_NEEDED)
    again = next_try(failure, letter.attempts, letter.way, tx.now(), services.institutions[request.institution].zone)
    state = LetterState.FAILED if again is None else LetterState.QUEUED
    letters.settle(tx, letter, state, failure=failure, again_at=again)
    if again is not None:
        rounds.owe(tx, Dag.OPEN_CASE, letter.case, after=max(again - tx.now(), timedelta(0)))


def _is_to_go(letter: Letter) -> bool:
    return letter.state in (LetterState.QUEUED, LetterState.SENDING, LetterState.FAILED)
