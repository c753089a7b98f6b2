"""Many who write on one patient at once wait for each other briefly, and never for ever."""

import pytest

from tests.kit.builders import new_services
from tests.kit.lock_watch import ORDER, LockWatch
from tests.kit.many_writers import write_on_one_patient
from transfer.ledger import Ledger

pytestmark = pytest.mark.servers


#: seconds of writing, and how long 99 of 100 locks may be waited for; the short one stands a busy machine
SHORT, LONG = (5, 4.0), (60, 1.0)


@pytest.mark.parametrize(("seconds", "longest"), [SHORT, pytest.param(*LONG, marks=pytest.mark.slow)])
def test_twelve_that_write_on_one_patient_take_their_locks_in_order(ledger: Ledger, seconds: float, longest: float):
    wide = Ledger(ledger.url, ledger.keys, ledger.origin, connections=16)
    try:
        written = write_on_one_patient(new_services(wide), seconds)
    finally:
        wide.close()
    print(written)  # noqa: T201  the rate

    assert written.deadlocks == 0
    assert not [said for said in written.failed if "did not answer" in said]
    assert written.locks.wait_seconds(0.99) <= longest
    assert written.locks.violations == []
    taken = {lock[0] for order in written.locks.orders for lock in order}
    assert written.facts > 0
    assert {"patient", "case", "round"} <= taken <= set(ORDER)


def test_locks_taken_the_wrong_way_round_are_found():
    case, patient, other = ("case", "c1"), ("patient", "p1"), ("case", "c0")

    assert LockWatch(orders={(patient, other, case): 1}).violations == []
    assert LockWatch(orders={(case, patient): 1}).violations == [(case, patient)]
    assert LockWatch(orders={(case, other): 1}).violations == [(case, other)]
