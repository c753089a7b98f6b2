"""What was purged is gone, and what is sent again is another thing: kept, unless it would begin what somebody ended."""

import json

import pytest

from tests.kit.builders import LAKESIDE, a_case, a_chart, comes, letters, new_services, patient_of, referral_of
from tests.kit.processing import process_all
from transfer import facts, former
from transfer.arrivals import ArrivalKind
from transfer.facts import SYSTEM, Fact
from transfer.flow.services import Services
from transfer.former import Former
from transfer.identifiers import BackupId, CaseId
from transfer.ledger import Ledger, Tx, arrivals, backups, purging, trail
from transfer.ledger.arrivals import Stored

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return new_services(ledger)


def a_note(services: Services) -> Stored:
    return comes(services, LAKESIDE, ArrivalKind.ANSWER, b"a note", "text/plain")


def forgotten(services: Services, case: CaseId) -> None:
    patient = patient_of(services, case)
    for _ in range(2):  # whoever died in between does it again
        with services.ledger.transaction() as tx:
            purging.forget_patient(tx, patient)


def test_a_message_of_a_purged_patient_that_is_sent_again_is_kept(services: Services) -> None:
    case = a_case(services)
    first = a_note(services)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET control = 'number' WHERE arrival = %s", first.arrival)
        note = arrivals.claim(tx, first.arrival)
        assert note
        arrivals.join_patient(tx, note, patient_of(services, case))
        arrivals.settle(tx, note, "filed", "kept")
    assert a_note(services).is_duplicate

    forgotten(services, case)

    again = a_note(services)
    assert not again.is_duplicate
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT state FROM arrivals WHERE arrival = %s", first.arrival) == "purged"
        assert tx.value("SELECT count(*) FROM arrivals WHERE control = 'number'") == 0, "it would be a conflict"


def test_a_referral_and_a_form_that_took_effect_open_nothing_again_when_a_queue_is_played_once_more(
    services: Services,
) -> None:
    chart = a_chart()
    form = json.dumps(letters.release_form(chart, {})).encode()
    said = ((ArrivalKind.AUTHORIZATION, form), (ArrivalKind.REFERRAL, referral_of(chart)))
    comings = [comes(services, LAKESIDE, kind, body, "application/fhir+json") for kind, body in said]
    process_all(services)
    forgotten(services, CaseId(comings[1].subject or ""))

    again = [comes(services, LAKESIDE, kind, body, "application/fhir+json") for kind, body in said]

    assert [one.is_duplicate for one in again] == [True, True]
    assert [one.arrival for one in again] == [one.arrival for one in comings]


# --- stored before it was renamed -------------------------------------------------------------------------------------


def written_as(tx: Tx, kind: str, fact: Fact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a fact as it was written when its kind had another name, which was changed since."""
    today = fact.kind
    with monkeypatch.context() as then:
        then.setattr(type(fact), "kind", kind)
        tx.append(SYSTEM, fact)
    monkeypatch.setitem(former.FACTS, kind, Former(kind=today))


def test_a_backup_noted_under_a_former_kind_is_named_by_a_purge(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    backup = BackupId.draw()
    with ledger.transaction() as tx:
        written_as(tx, "backup-started", facts.BackupBegun(backup=backup, lapses="2999-01-01"), monkeypatch)

        assert backups.living(tx) == (f"{backup} until 2999-01-01",)


@pytest.mark.parametrize(("head", "is_whole"), [(None, True), ("00" * 32, False)])
def test_an_anchor_of_a_former_kind_still_holds_its_chain(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, head: str | None, is_whole: bool
):
    with ledger.transaction() as tx:
        first = tx.append(SYSTEM, facts.BackupBegun(backup=BackupId.draw(), lapses="2999-01-01"))
        anchor = facts.Anchored(chain=SYSTEM, sequence=1, head=head or first.hash.hex(), packet="c00000000000-p1")
        written_as(tx, "head-signed", anchor, monkeypatch)

        walked = trail.walk(tx, SYSTEM)
    assert (walked.broken is None) == is_whole
    assert walked.unanchored == (1 if is_whole else 2)
