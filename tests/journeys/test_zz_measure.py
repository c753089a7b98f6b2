import time, cProfile, pstats
import pytest
from transfer.flow.receive import receive
pytestmark = pytest.mark.servers
def test_measure(house):
    a = house.order("pathology", "send-strangers", {"count": 600, "connections": 8, "seed": 7})
    pr = cProfile.Profile(); t = time.monotonic()
    pr.enable(); got = receive(house.edges); pr.disable()
    print("RECEIVE", got, got.count/(time.monotonic()-t))
    pstats.Stats(pr).sort_stats("cumulative").print_stats(45)
