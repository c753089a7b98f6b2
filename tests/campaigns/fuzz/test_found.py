"""What the fuzzers found is not found again, and what they begin with is read as promised. They run by `make fuzz`."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.campaigns.fuzz import json_trees
from tests.campaigns.fuzz.contract import target
from tests.campaigns.fuzz.watched import WATCHED
from transfer.verify import VerificationOutcome

FOUND = sorted(path for path in (Path(__file__).parent / "found").rglob("*") if path.is_file())
#: seeds of one parser that are read here; a fuzzer reads them all
FEW = 3

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_is_not_found_again(path: Path) -> None:
    """A target raises where a promise is broken (`contract.Target`; the last test here shows that each does)."""
    target(path.parent.name)(path.read_bytes())


@pytest.mark.parametrize("name", WATCHED)
def test_every_parser_has_something_to_begin_with_and_reads_it_as_promised(name: str) -> None:
    one, read = target(name), Counter[str]()
    for parser, data in one.seeds():
        read[parser] += 1
        if read[parser] <= FEW:
            one(one.input(parser, data))

    assert set(read) == {parser.__name__ for parser in one.parsers}


@cache
def _seeds(name: str) -> list[bytes]:
    one = target(name)
    return [one.input(parser, data) for parser, data in one.seeds()]


@pytest.mark.parametrize("name", WATCHED)
@given(drawn=st.data())
def test_every_parser_keeps_its_promise_on_bytes_changed_at_random(name: str, drawn: st.DataObject) -> None:
    """A little of what the fuzzers do, wherever the tests run. A target raises where a promise is broken."""
    data = drawn.draw(st.sampled_from(_seeds(name)))
    tree = json_trees.mutated(data, drawn.draw(st.randoms(use_true_random=False))) if target(name).is_json else None
    changed = bytearray(tree or data)
    for at, byte in drawn.draw(
        st.dictionaries(st.integers(1, max(len(changed), 2)), st.integers(0, 255), max_size=4)
    ).items():
        changed[at : at + 1] = bytes([byte])
    target(name)(bytes(changed[: drawn.draw(st.sampled_from((None, len(changed) // 2, len(changed) - 1)))]))


@pytest.mark.parametrize(
    ("name", "parser", "broken", "said"),
    [
        ("hl7v2", "documents", "tests.campaigns.fuzz.hl7v2.hl7v2.documents", KeyError),
        ("hl7v2", "acknowledgement", "tests.campaigns.fuzz.hl7v2.hl7v2.acknowledge", b"MSH|^~\\&|A\rMSA|AA|another\r"),
        ("fhir_inbound", "authorization", "tests.campaigns.fuzz.fhir_inbound.inbound.authorization", OverflowError),
        ("packet", "changed_tar", "tests.campaigns.fuzz.packet._verified", VerificationOutcome.VERIFIED),
    ],
)
def test_a_parser_that_breaks_its_promise_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, parser: str, broken: str, said: object
) -> None:
    one = target(name)
    data = [data for each, data in one.seeds() if each == parser][0 if name != "packet" else 1]

    raised = (said,) if isinstance(said, type) and issubclass(said, Exception) else ()

    def breaks(*_: object, **__: object) -> object:
        for error in raised:
            raise error
        return said

    monkeypatch.setattr(broken, breaks)
    with pytest.raises((AssertionError, *raised)):
        one(one.input(parser, data))


def test_a_changed_tree_is_json_still_and_seldom_what_it_was() -> None:
    body = b'\0{"resourceType": "Task", "status": "accepted", "entry": [{"a": 1}, {"b": ["x"]}]}tail'
    changed = [json_trees.mutated(body, Random(seed)) for seed in range(200)]

    for one in changed:
        assert one is not None
        assert one.startswith(b"\0")
        assert one.endswith(b"tail")
        json.loads(one[1:-4])
    assert len(set(changed)) > 100
