"""What is stored keeps its meaning whatever its class, its fields and its values are called today."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer import codec, facts, former
from transfer.adapters.disc import DiscRecord
from transfer.adapters.paper.record import PaperRecord
from transfer.alerts import Alert
from transfer.arrivals import Referral
from transfer.discs import KeptStudy, ListedDisc
from transfer.facts import GENESIS, Chain, Fact, Origin, read, stored_kinds, write
from transfer.flow.desk import EnteredReferral
from transfer.former import Former
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger.materials import Label
from transfer.ledger.packets import PacketContent
from transfer.ledger.patients import Identity
from transfer.ledger.records import About, Series
from transfer.letters import LetterText
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, FormStatus, Provision, ProvisionType, SignerRole, Statement
from transfer.permissions.former import FormerAuthorization
from transfer.records import RecordKind
from transfer.source_answers import SaidBy

SOURCES = Path(__file__).parents[2] / "transfer"
SEALED = (
    About,
    Alert,
    Authorization,
    Demographics,
    EnteredReferral,
    FormerAuthorization,
    Identity,
    Label,
    LetterText,
    PacketContent,
    DiscRecord,
    KeptStudy,
    ListedDisc,
    PaperRecord,
    Referral,
    SaidBy,
    Series,
)

CASE = Chain.case(CaseId("c00000000000"))
LINE = write(
    CASE,
    1,
    datetime(2026, 11, 28, tzinfo=UTC),
    Origin(process="test"),
    facts.RequestMoved(request="q1", state="refused", attempt=1, findings=("paused", "revoked")),
    GENESIS,
)


# --- facts ------------------------------------------------------------------------------------------------------------


def then_called(*, kind: str = "request-moved", **names: str) -> bytes:
    """The line, as it would have been stored with these names in it."""
    text = LINE.text.replace(b'"request-moved"', f'"{kind}"'.encode())
    for today, old in names.items():
        assert f'"{today}"'.encode() in text
        text = text.replace(f'"{today}"'.encode(), f'"{old}"'.encode())
    return text


def test_a_fact_is_read_by_the_kind_the_fields_and_the_values_it_was_stored_with(monkeypatch: pytest.MonkeyPatch):
    was = Former(
        kind="request-moved",
        fields={"why": "findings", "tries": "attempt"},
        values={"state": {"no": "refused"}, "findings": {"halted": "paused"}},
    )
    monkeypatch.setitem(former.FACTS, "ask-moved", was)
    text = then_called(kind="ask-moved", findings="why", attempt="tries", refused="no", paused="halted")

    line = read(text, LINE.previous, LINE.hash)

    assert line.fact == LINE.fact
    assert (line.text, line.previous, line.hash) == (text, LINE.previous, LINE.hash), "as they are stored"


def test_a_field_is_renamed_and_the_kind_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(former.FACTS, "request-moved", Former(fields={"why": "findings"}))

    assert read(then_called(findings="why"), LINE.previous, LINE.hash).fact == LINE.fact
    assert read(LINE.text, LINE.previous, LINE.hash) == LINE, "what is written since"


def test_a_value_is_renamed_in_its_field_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(former.FACTS, "request-moved", Former(values={"state": {"q1": "elsewhere"}}))

    assert read(LINE.text, LINE.previous, LINE.hash) == LINE


@pytest.mark.parametrize("names", [{"kind": "ask-moved"}, {"findings": "why"}])
def test_a_name_that_nobody_entered_is_refused(names: dict[str, str]):
    with pytest.raises(ValueError, match=r"ask-moved|why"):
        read(then_called(**names), LINE.previous, LINE.hash)


def test_facts_are_looked_for_under_every_kind_they_were_stored_as(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(former.FACTS, "ask-moved", Former(kind="request-moved"))

    assert stored_kinds(facts.RequestMoved) == ["ask-moved", "request-moved"]
    assert stored_kinds(facts.CaseClosed, facts.CaseOpened) == ["case-closed", "case-opened"]


def test_a_fact_says_under_which_kind_it_is_stored():
    with pytest.raises(TypeError, match="does not say"):
        type("Unsaid", (Fact,), {})


def test_no_two_facts_are_stored_under_one_kind():
    with pytest.raises(TypeError, match="same kind"):
        type("CaseEnded", (Fact,), {}, kind="case-closed")
    assert Fact.kinds["case-closed"] is facts.CaseClosed


# --- what is sealed ---------------------------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Leaf:
    colour: Colour
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    name: str
    leaf: Leaf | None
    leaves: tuple[Leaf, ...] = ()
    colours: frozenset[Colour] | None = None
    planted: date | None = None
    by_place: dict[str, tuple[Leaf, ...]] = field(default_factory=dict)


LEAVES = st.builds(Leaf, st.sampled_from(Colour), st.none() | st.datetimes(timezones=st.just(UTC)))
TREES = st.builds(
    Tree,
    name=st.text(),
    leaf=st.none() | LEAVES,
    leaves=st.lists(LEAVES).map(tuple),
    colours=st.none() | st.frozensets(st.sampled_from(Colour)),
    planted=st.none() | st.dates(),
    by_place=st.dictionaries(st.sampled_from(["colour", "red", "east"]), st.lists(LEAVES).map(tuple)),
)


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Mapping[str, str]]:
    entered = {
        "Tree": {"label": "name", "foliage": "leaves", "tints": "colours", "spots": "by_place"},
        "Leaf": {"tint": "colour"},
        "Colour": {"crimson": "red"},
    }
    for name, names in entered.items():
        monkeypatch.setitem(former.SEALED, name, names)
    codec._renaming.cache_clear()
    yield entered
    codec._renaming.cache_clear()


def as_then(thing: Any) -> Any:
    """How a tree was dumped when everything in it had its former name."""
    if isinstance(thing, Colour):
        return {"red": "crimson"}.get(thing, str(thing))
    if isinstance(thing, Leaf):
        return {"tint": as_then(thing.colour), "at": thing.at}
    if isinstance(thing, Tree):
        return {
            "label": thing.name,
            "leaf": as_then(thing.leaf),
            "foliage": as_then(thing.leaves),
            "tints": as_then(thing.colours),
            "planted": thing.planted,
            "spots": {place: as_then(leaves) for place, leaves in thing.by_place.items()},
        }
    return [as_then(one) for one in thing] if isinstance(thing, tuple | frozenset) else thing


def test_what_was_sealed_is_read_by_its_former_names_at_any_depth(renamed: object):
    @given(TREES)
    def holds(tree: Tree) -> None:
        assert codec.load(Tree, codec.dump(dict, as_then(tree))) == tree  # type: ignore[arg-type]
        assert codec.load(Tree, codec.dump(Tree, tree)) == tree, "what is sealed since"

    holds()


@given(TREES)
def test_what_was_sealed_is_read_where_nothing_was_renamed(tree: Tree):
    assert codec.load(Tree, codec.dump(Tree, tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        b'{"name": "", "leaf": null, "label": ""}',
        b'{"name": "", "leaf": {"colour": "red", "tint": "red"}}',
        b'{"name": "", "leaf": {"colour": "crimson"}}',
        b'{"name": "", "leaf": null, "by_place": {"": [{"colour": "red", "size": 1}]}}',
        b'{"name": "", "leaf": []}',
        b"[]",
        b"{",
    ],
)
def test_what_this_version_does_not_know_is_refused_and_not_left_out(text: bytes):
    with pytest.raises(ValueError, match=r"."):
        codec.load(Tree, text)


def test_an_error_repeats_nothing_of_what_was_sealed():
    with pytest.raises(ValueError, match="colour") as raised:
        codec.load(Tree, b'{"name": "Okafor", "leaf": {"colour": "teal", "at": "Thursday"}, "surname": "Okafor"}')

    assert not re.search("Okafor|teal|Thursday", f"{raised.value} {raised.value.__context__}")


# --- what is entered --------------------------------------------------------------------------------------------------


def types_in(kind: Any, above: frozenset[Any] = frozenset()) -> dict[str, type]:
    """Dataclasses and enums within what is sealed, by name. No two may share one; one may hold some of its own."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {kind.__name__: kind}
    found = {kind.__name__: kind} if is_dataclass(kind) else {}
    within = get_type_hints(kind).values() if is_dataclass(kind) else get_args(kind)
    apart = [each for each in within if each not in above]
    for name, one in (pair for each in apart for pair in types_in(each, above | {kind}).items()):
        assert found.setdefault(name, one) is one, f"two types called {name}"
    return found  # type: ignore[return-value]


def names_of(kind: type) -> set[str]:
    return {str(one.value) for one in kind} if issubclass(kind, Enum) else {one.name for one in fields(kind)}  # type: ignore[arg-type]


def mistakes(entered: Mapping[str, Former], sealed: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What in the tables leads nowhere, or away from something that is there."""
    found = [what for kind, was in entered.items() for what in _of_fact(kind, was)]
    there: dict[str, type] = {}
    for kind in SEALED:
        there |= types_in(kind)
    for name, renames in sealed.items():
        known = names_of(there[name]) if name in there else set()
        found += [f"{name}: {old} → {today}" for old, today in renames.items() if today not in known or old in known]
    return found


def _of_fact(kind: str, was: Former) -> list[str]:
    of = Fact.kinds.get(was.kind or kind)
    if of is None or (was.kind and kind in Fact.kinds):
        return [kind]
    known = names_of(of)
    found = [f"{kind}: {old} → {today}" for old, today in was.fields.items() if today not in known or old in known]
    return found + [f"{kind}: values of {name}" for name in was.values if name not in known]


def test_every_former_name_leads_to_one_of_today():
    assert mistakes(former.FACTS, former.SEALED) == []


@pytest.mark.parametrize(
    ("entered", "sealed"),
    [
        ({"ask-moved": Former(kind="request-shifted")}, {}),
        ({"note-added": Former(kind="request-moved")}, {}),
        ({"note-burned": Former(fields={"hmac": "digest"})}, {}),
        ({"request-moved": Former(fields={"why": "reasons"})}, {}),
        ({"request-moved": Former(fields={"state": "findings"})}, {}),
        ({"request-moved": Former(values={"stage": {"a": "b"}})}, {}),
        ({}, {"Person": {"a": "b"}}),
        ({}, {"Label": {"number": "accession_number"}}),
        ({}, {"Label": {"description": "accession"}}),
        ({}, {"RecordKind": {"note": "images"}}),
    ],
)
def test_a_name_that_leads_nowhere_or_is_still_in_use_is_found(
    entered: Mapping[str, Former], sealed: Mapping[str, Mapping[str, str]]
):
    assert len(mistakes(entered, sealed)) == 1


def test_this_file_knows_everything_that_is_sealed():
    text = "".join(path.read_text() for path in SOURCES.rglob("*.py"))

    assert set(re.findall(r"codec\.(?:dump|load)\((\w+),", text)) == {kind.__name__ for kind in SEALED}


# --- forms of before there was a tree ---------------------------------------------------------------------------------


def a_former_form(**differing: object) -> FormerAuthorization:
    said: dict[str, Any] = {
        "patient": Demographics(birth_date=date(1961, 2, 3)),
        "reference": IssuedIdentifier("urn:forms", "2"),
        "status": FormStatus.ACTIVE,
        "disclosers": frozenset({InstitutionId("lakeside-oncology")}),
        "recipients": frozenset({InstitutionId("summit-cancer-center")}),
        "described": True,
        "information": frozenset({RecordKind.NOTE}),
        "special": frozenset({"HIV"}),
        "purposes": frozenset({"TREAT"}),
        "effective_from": date(2026, 1, 1),
        "expires_on": date(2027, 1, 1),
        "expires_event": "end of treatment",
        "event_occurred": True,
        "signed_by": SignerRole.REPRESENTATIVE,
        "signed_on": date(2025, 12, 24),
        "representative_authority": "guardian",
        "statements": frozenset({Statement.REVOKE}),
        "denies": False,
        "replaces": IssuedIdentifier("urn:forms", "1"),
    }
    return FormerAuthorization(**{**said, **differing})


def test_a_release_of_before_is_a_tree_of_one_node_that_says_all_that_it_said():
    was = a_former_form()
    tree = was.as_tree()

    assert tree.provision == Provision(
        type=ProvisionType.PERMIT,
        starts_on=was.effective_from,
        ends_on=was.expires_on,
        disclosers=was.disclosers,
        recipients=was.recipients,
        purposes=was.purposes,
        kinds=was.information,
        labels=was.special,
    )
    beside = {one.name for one in fields(Authorization)} & {one.name for one in fields(FormerAuthorization)}
    assert {name: getattr(tree, name) for name in beside} == {name: getattr(was, name) for name in beside}
    assert len(beside) == 11
    assert tree.verified_on == frozenset(), "nobody had written who checked it"


def test_a_refusal_of_before_refuses_all_that_it_refused_and_more():
    refuses = a_former_form(denies=True).as_tree().provision
    names_no_kind = a_former_form(denies=True, information=frozenset()).as_tree().provision

    assert (refuses.type, refuses.kinds) == (ProvisionType.DENY, {RecordKind.NOTE})
    assert (refuses.purposes, refuses.labels) == (frozenset(), frozenset()), "for whatever, and whatever is on it"
    assert names_no_kind.kinds is None, "no kind named is all of them"


def test_a_release_of_before_that_names_no_kind_releases_none():
    assert a_former_form(information=frozenset()).as_tree().provision.kinds == frozenset()
    assert a_former_form(information=None).as_tree().provision.kinds is None
