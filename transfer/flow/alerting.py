"""Looking whether anything is wrong, and telling it once when it begins and once when it is over.

Gateway and desk both do it; the ledger says whose turn it is. So one of them may be down, and is told of by the other.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from transfer import alerts as rules
from transfer import codec
from transfer.alerts import Alert, AlertCode, AlertEdge, AlertStep, AlertWay, Trouble
from transfer.errors import OutOfOrder, TransferError
from transfer.flow.services import Services
from transfer.identifiers import AlertId
from transfer.ledger import Tx, alerts, exchanges, measures
from transfer.logs import told
from transfer.mail import Mail, Mailer
from transfer.operation import Fault, FaultCode
from transfer.sentences.alerts import ALERTS
from transfer.sentences.operation import REMEDIES, fault_sentence

#: seconds between two looks
LOOK_EVERY_SECONDS: Final = 30.0
#: alerts in the list, those that are over among them
_LISTED: Final = 50
#: while a part is away, others' measures may be missing: nothing is over then
_AWAY: Final = frozenset({FaultCode.PART_AWAY, FaultCode.KEYS_AWAY})
#: what is to be done some day, and wrong at no moment
_NO_ALERT: Final = frozenset({FaultCode.NO_RESTORE_TEST, FaultCode.RESTORE_TEST_OLD})
_log = logging.getLogger(__name__)


class AlertSender(Protocol):
    """One way by which somebody is told."""

    def tell(self, said: "SaidAlert") -> None:
        """Hand it over. Telling twice may be two messages, of the same `name`.

        Raises:
            TransferError: it did not arrive, or nobody knows.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidAlert:
    """An alert in words, of one edge."""

    #: the same each time it is told
    name: str
    edge: AlertEdge
    alert: Alert
    #: what is wrong, without a full stop
    says: str
    remedy: str
    #: of this try (UTC)
    at: datetime


class AlertsByMail:
    """By mail, to addresses of whoever runs the installation."""

    def __init__(self, mailer: Mailer, to: Sequence[str]) -> None:
        self._mailer = mailer
        self._to = to

    def tell(self, said: SaidAlert) -> None:
        alert = said.alert
        word = "Alert" if said.edge is AlertEdge.BEGAN else "Over"
        lines = [f"{said.says}.", f"Seen since {alert.seen_at:%Y-%m-%d %H:%M} UTC."]
        if alert.over_at:
            lines.append(f"Over since {alert.missed_at or alert.over_at:%Y-%m-%d %H:%M} UTC.")
        else:
            lines.append(f"{said.remedy}.")
        for to in self._to:
            self._mailer.send(Mail(to=to, subject=f"{word}: {said.says}"[:200], text="\n".join(lines) + "\n"))


class SignedPost(Protocol):
    def send(self, name: str, at: datetime, body: Mapping[str, object]) -> None: ...


class AlertsByWebhook:
    """As JSON, to a web server."""

    def __init__(self, post: SignedPost) -> None:
        self._post = post

    def tell(self, said: SaidAlert) -> None:
        alert = said.alert
        times = {"seen_at": alert.seen_at, "began_at": alert.began_at, "over_at": alert.over_at}
        data = {"alert": alert.id, "code": alert.code, "about": alert.about, "amount": alert.amount}
        body = {
            "type": f"alert.{said.edge}",
            "timestamp": said.at.isoformat(),
            # chat servers show this field
            "text": f"{'Alert' if said.edge is AlertEdge.BEGAN else 'Over'}: {said.says}.",
            "data": data | {name: at.isoformat() for name, at in times.items() if at},
        }
        self._post.send(said.name, said.at, body)


class AlertWatch:
    """One watcher. `look` does what is due at this moment and can be called as often as one likes.

    `faults` looks at the installation's parts; it may take seconds, and raises nothing. `mark` is a file that says that
    the ledger is away and that this was told: without the ledger nothing else can be written down.
    """

    def __init__(
        self,
        services: Services,
        holder: str,
        senders: Mapping[AlertWay, AlertSender],
        faults: Callable[[], Sequence[Fault]],
        mark: Path,
    ) -> None:
        self._services = services
        self._holder = holder
        self._senders = senders
        self._faults = faults
        self._mark = mark
        #: it was the one that watches when the ledger was asked last
        self._led = False
        self._away_since: datetime | None = None

    def look(self) -> None:
        """Look, and tell what is to be told.

        Where the ledger does not answer, whoever watched last tells that, once.
        """
        try:
            with self._services.ledger.transaction() as tx:
                self._led = alerts.lead(tx, self._holder)
                self._write_what_was_told(tx)
            self._mark.unlink(missing_ok=True)
            self._away_since = None
            if self._led:
                self._look()
        except OutOfOrder:
            self._tell_away(datetime.now(UTC))

    def _look(self) -> None:
        found = [one for one in self._faults() if one.code not in _NO_ALERT]
        with self._services.ledger.transaction() as tx:
            self._judge(tx, [*map(_trouble, found), *_of_work(tx, self._services)])
        self._send()

    def _judge(self, tx: Tx, seen: Iterable[Trouble]) -> None:
        wrong = {(one.code, one.about): one for one in seen}
        is_partial = any(code in _AWAY for code, _ in wrong)
        now = tx.now()
        for alert in alerts.unfinished(tx):
            trouble = wrong.pop((alert.code, alert.about), None)
            if trouble is None and is_partial and alert.code not in _AWAY:
                continue
            self._take(tx, alert, trouble, rules.step(alert, now, is_seen=trouble is not None))
        for trouble in wrong.values():
            alerts.notice(tx, trouble)

    def _take(self, tx: Tx, alert: Alert, trouble: Trouble | None, step: AlertStep) -> None:
        match step:
            case AlertStep.BEGIN:
                assert trouble is not None  # it is seen
                alerts.begin(tx, alert, trouble, self._senders)
            case AlertStep.FORGET:
                alerts.forget(tx, alert)
            case AlertStep.MISS | AlertStep.RETURN:
                alerts.missed(tx, alert, is_missed=step is AlertStep.MISS)
            case AlertStep.END:
                alerts.end(tx, alert, self._senders)
            case AlertStep.WAIT:
                pass

    def _send(self) -> None:
        """One after the other, each written down before it goes: who dies then tries it again later, under its name."""
        with self._services.ledger.transaction() as tx:
            waiting = alerts.due(tx, self._senders)
        for message in waiting:
            with self._services.ledger.transaction() as tx:
                if not alerts.lead(tx, self._holder):
                    return
                alerts.claim(tx, message)
                now = tx.now()
            is_sent = self._tell(message.way, said_alert(self._services, message.alert, message.edge, now))
            with self._services.ledger.transaction() as tx:
                alerts.settle(tx, message, is_sent=is_sent)

    def _tell(self, way: AlertWay, said: SaidAlert) -> bool:
        try:
            self._senders[way].tell(said)
        except TransferError as error:
            _log.warning("an alert was not told by %s: %s", way, error)
            return False
        return True

    # --- while the ledger is away -------------------------------------------------------------------------------------

    def _tell_away(self, now: datetime) -> None:
        self._away_since = self._away_since or now
        if not self._led or now - self._away_since < rules.AFTER or self._mark.exists():
            return
        alert = Alert(
            id=AlertId.draw(),
            code=FaultCode.PART_AWAY,
            about="ledger",
            amount=None,
            why="it does not answer",
            seen_at=self._away_since,
            began_at=now,
        )
        self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._mark.write_bytes(codec.dump(Alert, alert))
        for way in self._senders:
            self._tell(way, said_alert(self._services, alert, AlertEdge.BEGAN, now))

    def _write_what_was_told(self, tx: Tx) -> None:
        if self._mark.exists():
            with suppress(ValueError):  # it was written in part: who watched died then
                alerts.told_before(tx, codec.load(Alert, self._mark.read_bytes()), self._senders)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """An alert as a line of a list. Times are UTC."""

    id: AlertId
    code: str
    about: str
    says: str
    remedy: str
    began_at: datetime
    #: None: it is not over
    over_at: datetime | None
    #: by which ways it is not told yet, or was given up
    not_told: tuple[AlertWay, ...]


def list_alerts(services: Services) -> tuple[AlertLine, ...]:
    """What is wrong now, and what was: open ones first, then the newest."""
    with services.ledger.transaction() as tx:
        found = alerts.latest(tx, _LISTED)
        untold: dict[str, set[AlertWay]] = {}
        for message in alerts.not_told(tx):
            untold.setdefault(message.alert.id, set()).add(message.way)
    return tuple(_line(services, one, untold.get(one.id, set())) for one in found)


def _line(services: Services, alert: Alert, untold: Collection[AlertWay]) -> AlertLine:
    assert alert.began_at is not None  # others are not listed
    said = said_alert(services, alert, AlertEdge.BEGAN, alert.began_at)
    return AlertLine(
        id=alert.id,
        code=alert.code,
        about=alert.about,
        says=said.says,
        remedy=said.remedy,
        began_at=alert.began_at,
        over_at=alert.over_at,
        not_told=tuple(sorted(untold)),
    )


def watch(watcher: AlertWatch, stop: Event, *, every: float = LOOK_EVERY_SECONDS) -> None:
    """Look until stopped. Whatever goes wrong with one look, there is another."""
    while not stop.wait(every):
        try:
            watcher.look()
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody has to go on looking; its text may be anybody's
            _log.error("looking for what is wrong failed: %s", told(error))


def said_alert(services: Services, alert: Alert, edge: AlertEdge, at: datetime) -> SaidAlert:
    """An alert in words; institutions are called as people call them."""
    about = services.institutions[alert.about].name if alert.about in services.institutions else alert.about
    says, remedy = alert_words(replace(alert, about=about))
    return SaidAlert(name=f"{alert.id}.{edge}", edge=edge, alert=alert, says=says, remedy=remedy, at=at)


def alert_words(alert: Alert) -> tuple[str, str]:
    """What is wrong, and what to do, each without a full stop."""
    if alert.code in set(AlertCode):
        words = ALERTS[AlertCode(alert.code)]
        return words.says.format(about=alert.about or "the server of mail", amount=alert.amount), words.remedy
    fault = Fault(code=FaultCode(alert.code), about=alert.about, amount=alert.amount, why=alert.why)
    remedy = REMEDIES[fault.code]
    return fault_sentence(fault), f"{remedy.says}: {remedy.page}"


def _trouble(fault: Fault) -> Trouble:
    return Trouble(code=fault.code, about=fault.about, amount=fault.amount, why=fault.why)


def _of_work(tx: Tx, services: Services) -> Iterator[Trouble]:
    now = tx.now()
    return rules.troubles(
        silent={one: now - since for one, since in measures.silent(tx).items()},
        pauses=alerts.pauses(tx, sorted(services.institutions)),
        failures=exchanges.last_failures(tx),
        overdue=measures.overdue(tx),
    )
