"""Which backups have outlived their day."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transfer.backups import Manifest, outlived
from transfer.identifiers import BackupId

TODAY = date(2026, 11, 20)


def made(days_ago: int, lapses_in: int) -> Manifest:
    at = datetime(2026, 11, 20, 3, tzinfo=UTC) - timedelta(days=days_ago)
    lapses = TODAY + timedelta(days=lapses_in)
    return Manifest(
        backup=BackupId.draw(), taken_at=at, lapses=lapses, code="1", migration="0001", tables=(), objects=()
    )


several = st.lists(st.builds(made, st.integers(0, 60), st.integers(-30, 30)), max_size=8)


@given(several, st.none() | st.integers(1, 9))
def test_the_newest_stays_and_what_goes_has_a_reason(backups: list[Manifest], keep: int | None):
    gone = outlived(backups, TODAY, keep)
    left = [one for one in backups if one not in gone]

    assert bool(left) == bool(backups)
    if keep is not None:
        assert len(left) <= keep
    assert [one for one in left if one.lapses < TODAY] in (
        [],
        [max(backups, key=lambda o: (o.taken_at, o.backup))] if backups else [],
    )
    if keep is None:
        assert all(one.lapses < TODAY for one in gone)


def test_a_backup_lives_through_its_last_day():
    today, yesterday, newest = made(40, 0), made(41, -1), made(0, 35)

    assert outlived([newest, today, yesterday], TODAY, None) == [yesterday]
    assert outlived([newest, today, yesterday], TODAY, 1) == [yesterday, today]
