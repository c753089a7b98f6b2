"""Each alert, provoked: one message when it begins, one when it is over, none between, whatever is started anew."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import KeptMail, MemoryDocuments
from tests.kit.first_steps import first_step, referred
from tests.kit.marked_patients import STEM
from tests.kit.peers.certificates import certificates
from transfer import alerts as rules
from transfer import facts, health, operation, wiring
from transfer.adapters.webhook import Webhook
from transfer.alerts import TRIES, AlertEdge, AlertWay
from transfer.arrivals import ArrivalKind, Door
from transfer.embedded.postgres import Postgres
from transfer.errors import OutOfOrder, TurnedAway, Unreachable
from transfer.exchanges import ExchangeKind, ExchangeOutcome
from transfer.flow.alerting import AlertsByMail, AlertsByWebhook, AlertSender, AlertWatch, SaidAlert, list_alerts
from transfer.flow.measuring import measure
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.flow.telling import tell_all
from transfer.health import Readiness
from transfer.ledger import Ledger, arriving, exchanges
from transfer.ledger.arrivals import NewArrival
from transfer.sandbox.charts import draw_chart
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers

Pass = Callable[[timedelta], None]
MINUTE = timedelta(minutes=1)
#: looks, a minute apart, in which whatever is wrong begins, and whatever is right is over
LOOKS = 9


class Heard:
    """An `AlertSender` that keeps what it is told, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.said: list[SaidAlert] = []
        self.fails = 0

    def tell(self, said: SaidAlert) -> None:
        if self.fails:
            self.fails -= 1
            raise Unreachable("nobody listens")
        self.said.append(said)

    def of(self, code: str, about: str | None = None) -> list[str]:
        return [one.edge for one in self.said if one.alert.code == code and (about is None or one.alert.about == about)]


@dataclass
class Installation:
    """One that is looked after."""

    services: Services
    settings: dict[str, str]
    var: Path
    pass_: Pass
    heard: Heard = field(default_factory=Heard)
    holder: str = "one"
    senders: dict[AlertWay, AlertSender] = field(default_factory=dict)

    def watcher(self, holder: str = "one") -> AlertWatch:
        return AlertWatch(
            self.services,
            holder,
            self.senders or {AlertWay.MAIL: self.heard},
            self._faults,
            self.var / "ledger-away.json",
        )

    def _faults(self) -> tuple[operation.Fault, ...]:
        settings = Settings.load(self.settings, self.var)
        with wiring.site(settings, "test") as site:
            return operation.faults(measure(site), wiring.fault_limits(settings))

    def looks(self, times: int = LOOKS, *watchers: AlertWatch) -> None:
        """So many minutes go by, with a look in each."""
        for _ in range(times):
            for one in watchers or (self.watcher(),):
                one.look()
            self.pass_(MINUTE)


@pytest.fixture
def here(ledger: Ledger, migrated: Postgres, tmp_path: Path, hours_pass: Pass) -> Installation:
    (tmp_path / "var").mkdir(mode=0o700)
    with ledger.transaction() as tx:
        tx.append(facts.SYSTEM, facts.BackedUp(backup="b", lapses="2026-12-01", objects=0))
    return Installation(
        services=b.new_services(ledger),
        settings={
            "TRANSFER_DATABASE_URL": migrated.url("app"),
            "TRANSFER_KEYS": str(tmp_path / "keys"),
            "TRANSFER_DISK_FREE_PERCENT": "0",
            "TRANSFER_INSTITUTIONS": str(tmp_path / "var"),
            "TRANSFER_CHECKLISTS": str(b.ROOT / "checklists"),
        },
        var=tmp_path / "var",
        pass_=hours_pass,
    )


def an_arrival(services: Services, business: str) -> None:
    new = NewArrival(
        institution=b.PRAIRIE,
        door=Door.MLLP,
        kind=ArrivalKind.ANSWER,
        business=business,
        control=None,
        content_type="x-application/hl7-v2+er7",
        payload=b"MSH|",
        location=None,
        content_sha256=hashlib.sha256(business.encode()).digest(),
    )
    with services.ledger.transaction() as tx:
        arriving.store(tx, [new])


# --- what is provoked, and how it is mended ---------------------------------------------------------------------------

Mend = Callable[[], object]
Provoke = Callable[[Installation], Mend]


def _source_is_silent(here: Installation) -> Mend:
    office = MemoryDocuments([b"a note"])
    office.fails = Unreachable("nothing listens")
    here.services = b.new_services(here.services.ledger, ask_documents=lambda _: office)
    case = referred(here.services)
    taken, (name,) = first_step(here.services, case)
    request(here.services, taken, name)
    here.pass_(timedelta(hours=2))

    def answers() -> None:
        with here.services.ledger.transaction() as tx:
            tx.run("UPDATE queues SET failures = 0, silent_since = NULL")  # as an answer does: tests/flow/test_turns.py

    return answers


def _nothing_comes(here: Installation) -> Mend:
    for number in range(rules.USUAL):
        an_arrival(here.services, str(number))
        here.pass_(timedelta(minutes=10))
    here.pass_(timedelta(hours=5))
    return lambda: an_arrival(here.services, "the next one")


def _exchanges_fail(here: Installation) -> Mend:
    def count(outcome: ExchangeOutcome) -> None:
        for _ in range(rules.FEW + 1):
            exchanges.count(here.services.ledger, ExchangeKind.FETCH, b.MERCY, outcome, 1.0)

    count(ExchangeOutcome.NO_ANSWER)
    return lambda: count(ExchangeOutcome.ANSWERED)


def _case_is_overdue(here: Installation) -> Mend:
    b.a_case(here.services, draw_chart(marked=f"{STEM}AL", slices=3))
    tell_all(here.services)
    ledger = here.services.ledger

    def needed_in(days: int) -> None:
        with ledger.transaction() as tx:
            tx.run("UPDATE cases SET needed_by = (transfer.now() AT TIME ZONE 'UTC')::date + %s", days)

    needed_in(0)
    return lambda: needed_in(30)


def _disk_fills(here: Installation) -> Mend:
    here.settings["TRANSFER_DISK_FREE_PERCENT"] = "100"
    return lambda: here.settings.update(TRANSFER_DISK_FREE_PERCENT="0")


def _backup_is_old(here: Installation) -> Mend:
    here.pass_(timedelta(hours=37))

    def back_up() -> None:
        with here.services.ledger.transaction() as tx:
            tx.append(facts.SYSTEM, facts.BackedUp(backup="c", lapses="2026-12-01", objects=0))

    return back_up


def _certificate_ends(here: Installation) -> Mend:
    soon = certificates(here.var.parent / "soon", days=5).files["certificate"]
    here.settings["TRANSFER_TLS_CERTIFICATE"] = str(soon)
    later = certificates(here.var.parent / "later", days=90).files["certificate"]
    return lambda: here.settings.update(TRANSFER_TLS_CERTIFICATE=str(later))


def _dispatcher_does_not_run(here: Installation) -> Mend:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    here.settings["TRANSFER_DISPATCHER_HEALTH"] = f"127.0.0.1:{port}"
    return lambda: _RUNNING.enter_context(health.served(("127.0.0.1", port), Readiness({})))


def _message_is_unattended(here: Installation) -> Mend:
    an_arrival(here.services, "one")
    here.pass_(timedelta(minutes=20))

    def process() -> None:
        with here.services.ledger.transaction() as tx:
            tx.run("UPDATE arrivals SET state = 'filed'")

    return process


_RUNNING = ExitStack()


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    _RUNNING.close()


PROVOKED: dict[str, tuple[Provoke, str, str]] = {
    "a source is silent": (_source_is_silent, "source-silent", b.LAKESIDE),
    "nothing comes any more": (_nothing_comes, "nothing-comes", b.PRAIRIE),
    "exchanges fail": (_exchanges_fail, "exchanges-fail", b.MERCY),
    "a case is overdue": (_case_is_overdue, "cases-overdue", b.SUMMIT),
    "a disk fills": (_disk_fills, "disk-fills", "var"),
    "the backup is old": (_backup_is_old, "backup-old", ""),
    "a certificate ends": (_certificate_ends, "certificate-ends", "TRANSFER_TLS_CERTIFICATE"),
    "a part does not run": (_dispatcher_does_not_run, "part-away", "dispatcher"),
    "a message is unattended": (_message_is_unattended, "arrivals-wait", ""),
}


@pytest.mark.parametrize(("provoke", "code", "about"), PROVOKED.values(), ids=PROVOKED)
def test_each_alert_is_told_once_when_it_begins_and_once_when_it_is_over(here, provoke, code, about):
    here.looks(2)
    assert here.heard.of(code) == []
    mend = provoke(here)

    here.looks()
    assert here.heard.of(code, about) == ["began"]
    assert [one.about for one in list_alerts(here.services) if one.code == code and one.over_at is None] == [about]
    here.looks(3, here.watcher())
    assert here.heard.of(code, about) == ["began"]

    mend()
    here.looks()
    here.looks(3)
    assert here.heard.of(code, about) == ["began", "over"]
    assert [one.over_at is not None for one in list_alerts(here.services) if one.code == code] == [True]


def test_what_comes_and_goes_is_no_alert_and_what_comes_back_soon_is_the_same(here):
    mend = _disk_fills(here)
    here.looks(1)
    mend()
    here.looks()
    assert here.heard.of("disk-fills") == []

    _disk_fills(here)
    here.looks()
    mend()
    here.looks(3)
    _disk_fills(here)
    here.looks()
    assert here.heard.of("disk-fills") == ["began"]


def test_whoever_watches_and_however_often_it_is_started_anew_it_is_told_once(here):
    two = [here.watcher("gateway"), here.watcher("desk")]
    mend = _disk_fills(here)
    here.looks(LOOKS, *two)
    assert here.heard.of("disk-fills") == ["began"]

    for number in range(4):  # each time the one before has said nothing for its time
        here.looks(3, here.watcher(f"anew-{number}"), here.watcher(f"other-{number}"))
    assert here.heard.of("disk-fills") == ["began"]
    mend()
    here.looks(LOOKS + 3, here.watcher("last"), here.watcher("least"))
    assert here.heard.of("disk-fills") == ["began", "over"]


def test_a_way_that_does_not_answer_is_tried_again_and_the_end_comes_after_the_beginning(here):
    here.heard.fails = 3
    mend = _disk_fills(here)
    here.looks(4)
    mend()
    here.looks(20)

    assert here.heard.of("disk-fills") == ["began", "over"]
    assert len({one.name for one in here.heard.said}) == len(here.heard.said)


def test_a_way_that_never_answers_is_given_up_and_that_is_listed(here):
    here.heard.fails = 10_000
    _disk_fills(here)
    for _ in range(LOOKS + TRIES):
        here.looks(1)
        here.pass_(timedelta(minutes=59))

    assert 10_000 - here.heard.fails >= TRIES
    (line,) = [one for one in list_alerts(here.services) if one.code == "disk-fills"]
    assert line.not_told == (AlertWay.MAIL,)
    left = here.heard.fails
    here.looks(2)
    assert here.heard.fails >= left - 2 * 2  # others may be due; this one is not tried any more


def test_while_a_part_is_away_nothing_that_only_it_can_tell_is_over(here):
    mend_disk = _disk_fills(here)
    here.looks()
    mend_part = _dispatcher_does_not_run(here)
    here.looks(4)
    mend_disk()
    here.looks(LOOKS)
    assert here.heard.of("disk-fills") == ["began"]

    mend_part()
    here.looks(LOOKS * 2)
    assert here.heard.of("disk-fills") == ["began", "over"]


def test_while_the_ledger_is_away_whoever_watched_tells_it_once_and_later_that_it_is_over(here, monkeypatch):
    watcher = here.watcher()
    watcher.look()
    other = here.watcher("other")
    other.look()
    clock = [datetime.now(UTC)]
    monkeypatch.setattr("transfer.flow.alerting.datetime", _Clock(clock))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "transaction", _away)
        for _ in range(6):
            watcher.look()
            other.look()
            clock[0] += MINUTE
        assert here.heard.of("part-away", "ledger") == ["began"]
        here.watcher().look()  # it was started anew
        assert here.heard.of("part-away", "ledger") == ["began"]

    here.looks(LOOKS * 2, watcher, other)
    assert here.heard.of("part-away", "ledger") == ["began", "over"]
    assert [*here.var.glob("ledger-away*")] == []


class _Clock:
    """`datetime` whose `now` is told."""

    def __init__(self, at: list[datetime]) -> None:
        self._at = at

    def now(self, _zone: object) -> datetime:
        return self._at[0]


def _away(self: Ledger, origin: object = None) -> Any:
    raise OutOfOrder("the ledger does not answer")


# --- the ways ---------------------------------------------------------------------------------------------------------


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response_only(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.came, server.status = [], 204
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def test_mail_and_webhook_say_what_is_wrong_and_nothing_of_a_patient(here, hook):
    mail = KeptMail()
    url = f"http://127.0.0.1:{hook.server_port}/hooks?team=records"
    here.senders = {
        AlertWay.MAIL: AlertsByMail(mail, ["ops@hospital.example", "night@hospital.example"]),
        AlertWay.WEBHOOK: AlertsByWebhook(Webhook(url, SECRET)),
    }
    mend = _case_is_overdue(here)
    with here.services.ledger.transaction() as tx:
        case = tx.value("SELECT case_id FROM cases")
    here.looks()
    mend()
    here.looks()

    overdue = [one for one in mail.sent if "Summit" in one.subject]
    assert [(one.to, one.subject[:5]) for one in overdue] == [
        ("ops@hospital.example", "Alert"),
        ("night@hospital.example", "Alert"),
        ("ops@hospital.example", "Over:"),
        ("night@hospital.example", "Over:"),
    ]
    posted = [json.loads(body) for _, _, body in hook.came]
    posted = [one for one in posted if one["data"]["code"] == "cases-overdue"]
    assert [one["type"] for one in posted] == ["alert.began", "alert.over"]
    written = json.dumps(posted) + repr(mail.sent)
    assert case not in written
    assert STEM not in written


def test_a_webhook_is_signed_as_the_standard_has_it(hook):
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    at = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
    Webhook(f"http://127.0.0.1:{hook.server_port}/hooks?team=records", SECRET).send("g1.began", at, {"a": 1})

    ((path, headers, body),) = hook.came
    assert path == "/hooks?team=records"
    assert headers["webhook-id"] == "g1.began"
    said = f"g1.began.{headers['webhook-timestamp']}.".encode() + body
    signature = base64.b64encode(hmac.digest(b"k" * 32, said, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert int(headers["webhook-timestamp"]) == int(at.timestamp())


@pytest.mark.parametrize(("status", "raises"), [(401, TurnedAway), (503, Unreachable), (302, Exception)])
def test_a_webhook_that_is_not_taken_says_so(hook, status, raises):
    hook.status = status
    with pytest.raises(raises):
        Webhook(f"http://127.0.0.1:{hook.server_port}/", SECRET).send("g1.began", datetime.now(UTC), {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"TRANSFER_ALERTS_MAIL": "ops"},
        {"TRANSFER_ALERTS_MAIL": "ops@hospital.example, x"},
        {"TRANSFER_ALERTS_WEBHOOK": "http://elsewhere.example/hook", "TRANSFER_ALERTS_WEBHOOK_SECRET": SECRET},
        {"TRANSFER_ALERTS_WEBHOOK": "https://chat.example/hook"},
        {"TRANSFER_ALERTS_WEBHOOK": "https://chat.example/hook", "TRANSFER_ALERTS_WEBHOOK_SECRET": "whsec_c2hvcnQ="},
        {"TRANSFER_ALERTS_WEBHOOK": "https://chat.example/hook", "TRANSFER_ALERTS_WEBHOOK_SECRET": "not base64!"},
    ],
)
def test_a_setting_by_which_nobody_could_be_told_is_named(tmp_path, wrong):
    with pytest.raises(BadSetting) as named:
        wiring.alert_senders(Settings.load(wrong, tmp_path / "var"), KeptMail())
    assert named.value.name in wrong or named.value.name == "TRANSFER_ALERTS_WEBHOOK_SECRET"


def test_the_settings_name_the_ways(tmp_path):
    said = {
        "TRANSFER_ALERTS_MAIL": "ops@hospital.example night@hospital.example",
        "TRANSFER_ALERTS_WEBHOOK": "https://chat.example/hook?x=1",
        "TRANSFER_ALERTS_WEBHOOK_SECRET": SECRET,
    }
    assert wiring.alert_senders(Settings.load({}, tmp_path / "var"), KeptMail()) == {}
    assert set(wiring.alert_senders(Settings.load(said, tmp_path / "var"), KeptMail())) == set(AlertWay)
    assert set(AlertEdge) == {"began", "over"}
