"""Alerts that are open, the messages about them, and which process watches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from transfer.alerts import TRIES, Alert, AlertEdge, AlertWay, SenderPause, Trouble, try_again_after
from transfer.identifiers import AlertId
from transfer.ledger import Row, Tx

#: the process that watches is silent for so long before another takes over
HOLDS_FOR: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """What one way is to be told of an alert."""

    alert: Alert
    edge: AlertEdge
    way: AlertWay
    tries: int


def lead(tx: Tx, holder: str) -> bool:
    """Watch from now on, for two minutes or until called again. False: another process watches."""
    row = tx.row(
        """INSERT INTO alert_watch AS w (holder, until) VALUES (%s, transfer.now() + %s)
           ON CONFLICT (is_only) DO UPDATE SET holder = excluded.holder, until = excluded.until
           WHERE w.holder = excluded.holder OR w.until <= transfer.now() RETURNING holder""",
        *(holder, HOLDS_FOR),
    )
    return row is not None


def unfinished(tx: Tx) -> list[Alert]:
    """Those that are not over, also those that nobody was told of yet."""
    return [_alert(row) for row in tx.rows("SELECT * FROM alerts WHERE over_at IS NULL ORDER BY seen_at, alert")]


def latest(tx: Tx, limit: int) -> list[Alert]:
    """Those that began, open ones first, then the newest."""
    rows = tx.rows(
        "SELECT * FROM alerts WHERE began_at IS NOT NULL ORDER BY over_at IS NULL DESC, seen_at DESC, alert LIMIT %s",
        limit,
    )
    return [_alert(row) for row in rows]


def not_told(tx: Tx) -> list[AlertMessage]:
    """Messages of which nobody knows yet that they arrive, and those of the last month that were given up."""
    return _messages(
        tx, "m.settled_at IS NULL OR NOT m.is_sent AND m.settled_at > transfer.now() - interval '30 days'", 100
    )


def notice(tx: Tx, trouble: Trouble) -> None:
    """It is seen for the first time."""
    tx.run(
        """INSERT INTO alerts (alert, code, about, amount, why, seen_at) VALUES (%s, %s, %s, %s, %s, transfer.now())
           ON CONFLICT (code, about) WHERE over_at IS NULL DO NOTHING""",
        *(AlertId.draw(), trouble.code, trouble.about, trouble.amount, trouble.why),
    )


def forget(tx: Tx, alert: Alert) -> None:
    tx.run("DELETE FROM alerts WHERE alert = %s AND began_at IS NULL", alert.id)


def begin(tx: Tx, alert: Alert, trouble: Trouble, ways: Collection[AlertWay]) -> None:
    """It begins, as it is seen now: each way is to be told."""
    tx.run(
        "UPDATE alerts SET began_at = transfer.now(), amount = %s, why = %s WHERE alert = %s",
        *(trouble.amount, trouble.why, alert.id),
    )
    _tell(tx, alert, AlertEdge.BEGAN, ways)


def told_before(tx: Tx, alert: Alert, ways: Collection[AlertWay]) -> None:
    """It began, and these ways were told, while nothing could be written. Twice is once."""
    inserted = tx.run(
        """INSERT INTO alerts (alert, code, about, amount, why, seen_at, began_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        *(alert.id, alert.code, alert.about, alert.amount, alert.why, alert.seen_at, alert.began_at),
    )
    for way in sorted(ways) if inserted else ():
        tx.run(
            """INSERT INTO alert_messages (alert, edge, way, tries, not_before, settled_at, is_sent)
               VALUES (%s, %s, %s, 1, %s, %s, true)""",
            *(alert.id, AlertEdge.BEGAN, way, alert.began_at, alert.began_at),
        )


def end(tx: Tx, alert: Alert, ways: Collection[AlertWay]) -> None:
    """It is over: each way is to be told."""
    tx.run("UPDATE alerts SET over_at = transfer.now() WHERE alert = %s", alert.id)
    _tell(tx, alert, AlertEdge.OVER, ways)


def missed(tx: Tx, alert: Alert, *, is_missed: bool) -> None:
    """It is not seen any more, or is again."""
    at = tx.now() if is_missed else None
    tx.run("UPDATE alerts SET missed_at = %s WHERE alert = %s", at, alert.id)


def _tell(tx: Tx, alert: Alert, edge: AlertEdge, ways: Collection[AlertWay]) -> None:
    for way in sorted(ways):
        tx.run(
            "INSERT INTO alert_messages (alert, edge, way, not_before) VALUES (%s, %s, %s, transfer.now())",
            *(alert.id, edge, way),
        )


def due(tx: Tx, ways: Collection[AlertWay]) -> list[AlertMessage]:
    """What is to be told now, oldest first. That something is over waits until that it began was told or given up."""
    return _messages(
        tx,
        """m.settled_at IS NULL AND m.not_before <= transfer.now() AND m.way = ANY(%s) AND NOT (m.edge = 'over'
            AND EXISTS (SELECT 1 FROM alert_messages AS b
                        WHERE (b.alert, b.edge, b.way) = (m.alert, 'began', m.way) AND b.settled_at IS NULL))""",
        50,
        sorted(ways),
    )


def claim(tx: Tx, message: AlertMessage) -> None:
    """It is tried now. Whatever becomes of this process, it is not tried again before its next time."""
    tx.run(
        """UPDATE alert_messages SET tries = tries + 1, not_before = transfer.now() + %s
           WHERE alert = %s AND edge = %s AND way = %s""",
        *(try_again_after(message.tries + 1), message.alert.id, message.edge, message.way),
    )


def settle(tx: Tx, message: AlertMessage, *, is_sent: bool) -> None:
    """It left; or it did not, and is given up after `TRIES`."""
    if is_sent or message.tries + 1 >= TRIES:
        tx.run(
            """UPDATE alert_messages SET settled_at = transfer.now(), is_sent = %s
               WHERE alert = %s AND edge = %s AND way = %s""",
            *(is_sent, message.alert.id, message.edge, message.way),
        )


def pauses(tx: Tx, institutions: Sequence[str]) -> list[SenderPause]:
    """How each institution usually pauses between messages that it sends by itself, by its last 200."""
    rows = tx.rows(
        """SELECT i.institution, count(*) AS messages, max(m.pause) AS longest,
             (SELECT transfer.now()) - max(m.received_at) AS now
           FROM unnest(%s::text[]) AS i (institution) CROSS JOIN LATERAL (
             SELECT received_at, received_at - lag(received_at) OVER (ORDER BY received_at) AS pause
             FROM (SELECT received_at FROM arrivals WHERE institution = i.institution
                   ORDER BY received_at DESC LIMIT 200) AS last) AS m
           GROUP BY 1""",
        list(institutions),
    )
    return [
        SenderPause(
            institution=row.institution, messages=row.messages, longest=row.longest or timedelta(0), now=row.now
        )
        for row in rows
    ]


def _messages(tx: Tx, which: str, limit: int, *values: object) -> list[AlertMessage]:
    rows = tx.rows(
        f"""SELECT a.*, m.edge, m.way, m.tries FROM alert_messages AS m JOIN alerts AS a USING (alert)
            WHERE {which} ORDER BY m.not_before, a.alert, m.edge, m.way LIMIT %s""",  # noqa: S608  our own text
        *(*values, limit),
    )
    return [
        AlertMessage(alert=_alert(row), edge=AlertEdge(row.edge), way=AlertWay(row.way), tries=row.tries)
        for row in rows
    ]


def _alert(row: Row) -> Alert:
    return Alert(
        id=AlertId(row.alert),
        code=row.code,
        about=row.about,
        amount=row.amount,
        why=row.why,
        seen_at=row.seen_at,
        began_at=row.began_at,
        missed_at=row.missed_at,
        over_at=row.over_at,
    )
