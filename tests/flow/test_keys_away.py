"""While the key service is away, a permission can be ended all the same, and the end is noted once it is back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.kit import builders as b
from tests.kit.builders import NAMES
from tests.kit.clusters import Emptier
from tests.kit.key_services import KeyService, a_key_service
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.cli import main
from transfer.embedded.postgres import Postgres
from transfer.errors import OutOfOrder
from transfer.facts import Chain, Origin
from transfer.flow import desk
from transfer.flow.owed_notes import note_owed_ends
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, patients, permissions
from transfer.permissions import Dispute, End
from transfer.settings import written

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyService]:
    with a_key_service(tmp_path_factory.mktemp("keys") / "service") as service:
        yield service


@pytest.fixture
def services(migrated: Postgres, emptier: Emptier, service: KeyService) -> Iterator[Services]:
    """A ledger whose keys the service has."""
    emptier.empty()
    if service.process is None:
        service.start()
    ledger = Ledger(migrated.url("app"), service.client(), Origin(process="test"))
    yield b.new_services(ledger)
    ledger.close()


@pytest.fixture
def case(services: Services) -> CaseId:
    return b.a_case(services)


def elsewhere(services: Services, service: KeyService) -> Services:
    """As a process begun now finds it: it holds no key in its memory."""
    old = services.ledger
    return b.new_services(Ledger(old.url, service.client(), old.origin))


def permission_of(services: Services, case: CaseId) -> str:
    (one,) = desk.list_permissions(services, case, actor=ANN)
    return one.permission


@pytest.mark.parametrize(("verb", "how"), [(desk.pause, End.PAUSED), (desk.revoke, End.REVOKED)])
def test_a_permission_is_ended_without_keys_and_the_end_is_noted_when_they_are_back(
    services: Services, service: KeyService, case: CaseId, verb: Callable[..., desk.ActionResult], how: End
):
    service.kill()
    now = elsewhere(services, service)
    permission = permission_of(now, case)
    before = epoch(now, case)

    assert verb(now, permission, actor=ANN).changed

    (said,) = desk.list_permissions(now, case, actor=ANN)
    assert (said.ended, epoch(now, case)) == (how, before + 1)
    assert kinds(now, case)[-2:] == [facts.PermissionEnded.kind, facts.StopCompleted.kind]
    with pytest.raises(OutOfOrder):
        note_owed_ends(now.ledger)
    service.start(begun=False)
    assert permission not in service.client().noted_ends()
    note_owed_ends(now.ledger)
    note_owed_ends(now.ledger)
    assert service.client().noted_ends()[permission] == how
    with now.ledger.transaction() as tx:
        assert permissions.unnoted(tx, 10) == []
    process_all(now)
    assert desk.dossier(now, case, actor=ANN).permissions[0].state == how
    now.ledger.close()


def test_an_end_that_became_another_before_it_was_noted_is_noted_as_it_is(
    services: Services, service: KeyService, case: CaseId
):
    service.kill()
    now = elsewhere(services, service)
    permission = permission_of(now, case)
    desk.pause(now, permission, actor=ANN)
    with now.ledger.transaction() as tx:
        ((named, how),) = permissions.unnoted(tx, 10)
    desk.revoke(now, permission, actor=ANN)
    with now.ledger.transaction() as tx:
        permissions.noted(tx, named, how)
        assert permissions.unnoted(tx, 10) == [(permission, End.REVOKED)]

    service.start(begun=False)
    note_owed_ends(now.ledger)
    assert service.client().noted_ends()[permission] == End.REVOKED
    now.ledger.close()


def test_what_needs_a_key_is_refused_as_not_now(services: Services, service: KeyService, case: CaseId):
    permission = permission_of(services, case)
    desk.pause(services, permission, actor=ANN)
    service.kill()
    now = elsewhere(services, service)
    for verb in (lambda: desk.resume(now, permission, actor=ANN), lambda: desk.dossier(now, case, actor=ANN)):
        with pytest.raises(OutOfOrder):
            verb()
    (said,) = desk.list_permissions(now, case, actor=ANN)
    assert (said.ended, said.is_stop) == (End.PAUSED, None)
    now.ledger.close()


def test_staff_pause_from_the_command_line_while_the_service_is_away(
    services: Services, service: KeyService, case: CaseId, migrated: Postgres, tmp_path: Path
):
    service.kill()
    asking = {name: value for name, value in service.settings().names.items() if name.startswith("TRANSFER_KEYS")}
    settings = {
        **NAMES,
        **asking,
        "TRANSFER_DATABASE_URL": migrated.url("app"),
        "TRANSFER_S3_ENDPOINT": "http://127.0.0.1:9",
        "TRANSFER_S3_ACCESS_KEY": "nobody",
        "TRANSFER_S3_SECRET_KEY": "nothing",
        "TRANSFER_PUBLIC_URL": "https://transfer.example",
    }
    file = tmp_path / "settings.env"
    file.touch(mode=0o600)
    file.write_text(written(settings))

    def transfer(*words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--json"], env={"TRANSFER_VAR": str(tmp_path)})

    (found,) = json.loads(transfer("permission", "list", case).stdout)
    paused = transfer("permission", "pause", found["permission"])

    assert paused.exit_code == 0, paused.stderr
    (found,) = json.loads(transfer("permission", "list", case).stdout)
    assert found["ended"] == "paused"
    status = json.loads(transfer("status").stdout)
    assert {"keys": "away"}.items() <= {one["name"]: one["state"] for one in status}.items()
    service.start(begun=False)
    status = json.loads(transfer("status").stdout)
    assert {"keys": "up", "postgres": "up"}.items() <= {one["name"]: one["state"] for one in status}.items()


def epoch(services: Services, case: CaseId) -> int:
    with services.ledger.transaction() as tx:
        return patients.current_epoch(tx, b.patient_of(services, case))


def kinds(services: Services, case: CaseId) -> list[str]:
    with services.ledger.transaction() as tx:
        return [line.fact.kind for line in tx.lines(Chain.patient(b.patient_of(services, case)))]


def test_a_form_is_disputed_without_keys(services: Services, service: KeyService, case: CaseId):
    permission = permission_of(services, case)
    service.kill()

    now = elsewhere(services, service)
    desk.dispute(now, permission, Dispute.FALSE, actor=ANN)

    assert desk.list_permissions(now, case, actor=ANN)[0].disputes == ("false",)
    now.ledger.close()

    service.start()
    assert desk.dossier(services, case, actor=ANN).permissions[0].disputes == ("false",)
