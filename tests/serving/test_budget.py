"""Who gives way at a full door."""

import pytest

from transfer.serving.budget import ConnectionBudget, ConnectionLimits, CountedConnection, Proxy, network_of

HONEST = "192.0.2.1"


class Door:
    """A budget, and who had to give way."""

    def __init__(self, **limits: int) -> None:
        self.budget = ConnectionBudget("test", ConnectionLimits(**limits))
        self.cut: list[CountedConnection] = []

    def comes(self, host: str, *, owner: object = None, is_busy: bool = False) -> CountedConnection | None:
        connection = CountedConnection(self.budget, host)
        connection.abort = lambda: self.cut.append(connection)
        is_counted = connection.comes_from(host) and (owner is None or connection.is_of(owner))
        connection.is_busy = is_busy
        return connection if is_counted else None


def test_a_full_door_cuts_the_oldest_of_the_address_that_has_the_most():
    door = Door(unknown=6)
    honest = door.comes(HONEST)
    greedy = [door.comes("192.0.2.2") for _ in range(3)]
    others = [door.comes("192.0.2.3") for _ in range(2)]

    door.comes("192.0.2.4")

    assert door.cut == [greedy[0]]
    assert not any(each.is_gone for each in (honest, *greedy[1:], *others))


def test_one_address_has_a_share_and_its_own_oldest_gives_way():
    door = Door(unknown=100, unknown_per_address=3)
    other = door.comes("192.0.2.2")
    own = [door.comes(HONEST) for _ in range(5)]

    assert door.cut == own[:2]
    assert other
    assert not other.is_gone


def test_where_every_address_has_one_the_oldest_gives_way_and_never_the_newcomer():
    door = Door(unknown=3)
    first = [door.comes(f"192.0.2.{number}") for number in range(3)]

    newcomer = door.comes(HONEST)

    assert door.cut == first[:1]
    assert newcomer


def test_who_is_known_gives_way_to_nobody_unknown():
    door = Door(unknown=2, unknown_per_address=2)
    known = [door.comes(HONEST, owner="lab") for _ in range(5)]
    for number in range(50):
        door.comes(f"198.51.100.{number}")

    assert not any(each.is_gone for each in known if each)
    assert len(door.budget) == 7


def test_of_one_owner_the_one_unused_longest_of_the_address_with_most_gives_way():
    door = Door(known_per_owner=4)
    honest = door.comes(HONEST, owner="lab")
    taken_for_it = [door.comes("198.51.100.1", owner="lab") for _ in range(3)]
    assert taken_for_it[0]
    taken_for_it[0].is_of("lab")  # used just now

    assert door.comes("192.0.2.3", owner="lab")

    assert door.cut == [taken_for_it[1]]
    assert honest
    assert not honest.is_gone


def test_of_all_known_the_owner_with_most_makes_room():
    door = Door(known=4)
    small = door.comes(HONEST, owner="small")
    large = [door.comes(HONEST, owner="large") for _ in range(3)]

    door.comes(HONEST, owner="another")

    assert door.cut == [large[0]]
    assert small


def test_what_is_being_answered_is_not_cut_and_then_a_newcomer_finds_no_room():
    door = Door(known_per_owner=2)
    for _ in range(2):
        door.comes(HONEST, owner="lab", is_busy=True)

    assert door.comes(HONEST, owner="lab") is None
    assert not door.cut


def test_one_that_is_closed_counts_no_more_and_is_not_counted_again():
    door = Door(unknown=1)
    first = door.comes(HONEST)
    assert first
    first.is_closed()
    first.is_closed()

    assert door.comes("192.0.2.2")
    assert not door.cut
    assert not first.is_of("lab")
    assert len(door.budget) == 1


def test_a_proxys_connection_counts_for_whoever_calls_by_it_and_is_the_proxys_again():
    door = Door(unknown=1, known_per_owner=1, per_proxy=2)
    proxy = Proxy("192.0.2.9")
    by_proxy = [door.comes(proxy.host, owner=proxy) for _ in range(2)]
    assert by_proxy[0]
    assert by_proxy[1]

    assert by_proxy[0].comes_from("198.51.100.1")
    assert by_proxy[1].comes_from("198.51.100.2")

    assert door.cut == [by_proxy[0]]
    assert by_proxy[1].is_of(proxy)


def test_the_address_with_most_on_disk_gives_way_by_its_longest():
    door = Door(spooled_bytes=100)
    honest, *greedy = door.comes(HONEST), door.comes("192.0.2.2"), door.comes("192.0.2.2")
    assert honest
    for connection, size in zip(greedy, (30, 40), strict=True):
        assert connection
        connection.spools(size)

    honest.spools(35)

    assert door.cut == [greedy[1]]
    honest.spools(0)
    assert greedy[0]
    greedy[0].spools(99)
    assert door.cut == [greedy[1]]


def test_more_than_all_may_have_cuts_itself():
    door = Door(spooled_bytes=100)
    alone = door.comes(HONEST)
    assert alone
    alone.spools(101)

    assert door.cut == [alone]


def test_without_files_to_open_somebody_unknown_makes_room():
    door = Door()
    known, unknown = door.comes(HONEST, owner="lab"), door.comes(HONEST)
    door.budget.make_room()
    door.budget.make_room()

    assert door.cut == [unknown]
    assert known


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_sender_holds_an_address_or_a_whole_64(host: str, network: str):
    assert network_of(host) == network


def test_what_was_cut_is_said_now_and_then_and_not_each_time(caplog):
    door = Door(unknown=1)
    for _ in range(100):
        door.comes(HONEST)

    assert len(caplog.messages) == 1
