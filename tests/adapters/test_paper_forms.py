"""The fields of a paper form are read strictly: nothing is guessed, and an error names the field and no value."""

import re
from datetime import date

import pytest

from tests.kit.consents import PARTNERS
from tests.kit.paper_forms import fields
from transfer.adapters import paper
from transfer.errors import TooLarge, TransferError, Unreadable
from transfer.permissions import Dispute, Finding, Provision, ProvisionType
from transfer.records import RecordKind


def read(text: bytes) -> paper.PaperForm:
    return paper.read(text, PARTNERS["lakeside"], PARTNERS)


def root(**said: object) -> Provision:
    return read(fields(**said)).form.provision


# --- what it says -----------------------------------------------------------------------------------------------------


def test_all_that_a_form_says_becomes_one_tree():
    exception = {"records": ["note"], "special": ["HIV"], "released_by": "missing", "released_to": ["prairie"]}

    tree = root(
        information__records=["note", "images"],
        information__special=["MH"],
        information__dated_from=date(2025, 1, 1),
        starts_on=date(2026, 4, 1),
        refuses=[exception],
    )

    (inner,) = tree.provisions
    assert (tree.type, tree.kinds, tree.labels) == (
        ProvisionType.PERMIT,
        {RecordKind.NOTE, RecordKind.IMAGES},
        {"MH", "N"},
    )
    assert (tree.data_from, tree.data_until, tree.starts_on) == (date(2025, 1, 1), None, date(2026, 4, 1))
    assert (tree.disclosers, tree.recipients, tree.purposes) == ({"lakeside", "prairie"}, {"summit"}, {"TREAT"})
    assert (inner.type, inner.kinds, inner.labels) == (ProvisionType.DENY, {RecordKind.NOTE}, {"HIV"})
    assert (inner.disclosers, inner.recipients) == (frozenset(), {"prairie"})


def test_a_list_that_is_missing_does_not_narrow_an_exception():
    exception = {"records": ["note"], "special": "missing", "released_by": "missing", "released_to": "missing"}

    (inner,) = root(refuses=[exception]).provisions
    (of_hiv,) = root(refuses=[exception | {"records": "missing", "special": ["HIV"]}]).provisions

    assert inner == Provision(type=ProvisionType.DENY, kinds=frozenset({RecordKind.NOTE}))
    assert of_hiv == Provision(type=ProvisionType.DENY, labels=frozenset({"HIV"}))


@pytest.mark.parametrize("field", ["information__special", "refuses", "disputes"])
def test_what_a_form_has_nothing_for_is_missing_as_the_template_says(field: str):
    assert read(fields(**{field: "missing"})) == read(fields(**{field: "none"}))


def test_a_refusal_of_all_is_one_of_the_special_records_too():
    assert root(form="refusal", information__special=["HIV"]).labels == frozenset()
    assert root(form="refusal", information__special=["HIV"], information__ordinary=False).labels == {"HIV"}


def test_a_refusal_that_no_rule_can_carry_refuses_all_between_its_parties():
    said = read(fields(form="refusal", information__records="single-records", purposes=["other"]))

    assert said.doubts == ()
    assert said.form.provision == Provision(
        type=ProvisionType.DENY, disclosers=frozenset({"lakeside", "prairie"}), recipients=frozenset({"summit"})
    )


def test_who_looked_and_when_goes_with_the_signature():
    said = read(fields(disputes=["false", "compound"]))

    assert said.signature.looked_at_by == "ann"
    assert said.form.verified_on == {date(2026, 3, 3)}
    assert said.disputes == {Dispute.FALSE, Dispute.COMPOUND}


def test_several_doubts_are_all_told():
    said = read(fields(other_terms="present", expires__dated="illegible", released_to=["other"]))

    assert said.doubts == tuple(sorted((Finding.WORDS_SAY_MORE, Finding.DATE_UNREADABLE, Finding.PARTY_UNKNOWN)))


# --- mistakes ---------------------------------------------------------------------------------------------------------

MISTAKES = {
    "an unknown kind of form": (fields(form="consent"), "form"),
    "records that are none": (fields(information__records=["note", "moon"]), "information.records"),
    "an empty list of records": (fields(information__records=[]), "information.records"),
    "a day that there is not": (fields(signature__dated="2026-02-30"), "signature.dated"),
    "a day that is a number": (fields(signature__dated=20260301), "signature.dated"),
    "an illegible day of looking": (fields(signature__looked_at_on="illegible"), "signature.looked_at_on"),
    "a name instead of an account": (fields(signature__looked_at_by="Jane Q. Public"), "signature.looked_at_by"),
    "a number without quotes": (fields(number=118), "number"),
    "an empty field": (fields(purposes=None), "purposes"),
    "a code that there is not": (fields(purposes=["TREATMENT"]), "purposes.0"),
    "a category that there is not": (fields(information__special=["hiv"]), "information.special.0"),
    "one instead of a list": (fields(purposes="TREAT"), "purposes"),
    "an institution that there is not": (fields(released_by=["lakeside", "acme"]), "released_by.1"),
    "nobody in a list": (fields(released_to=[]), "released_to"),
    "an unknown dispute": (fields(disputes=["unlikely"]), "disputes.0"),
    "an exception of nothing": (fields(refuses=[1]), "refuses.0"),
    "a field too many": (fields(signature__witness="ann"), "signature.witness"),
    "nothing of anything": (fields(information__ordinary=False), "information"),
    "neither yes nor no": (fields(information__ordinary="maybe"), "information.ordinary"),
    "a part that is a list": (fields(patient=["Quillfeather"]), "patient"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_by_its_field(name: str):
    text, place = MISTAKES[name]

    with pytest.raises(Unreadable, match=rf"fields: {re.escape(place)}: "):
        read(text)


@pytest.mark.parametrize("field", re.findall(r"^ *(\w+):", fields().decode(), re.MULTILINE), ids=lambda name: name)
def test_every_field_is_asked_for(field: str):
    """A field that somebody forgot is not one that the form lacks."""
    lines = fields().decode()
    without = re.sub(rf"^( *){field}:.*\n(\1[ -].*\n)*", "", lines, count=1, flags=re.MULTILINE)
    assert without != lines

    with pytest.raises(Unreadable):
        read(without.encode())


HOSTILE = {
    "nothing": b"",
    "a list": b"[1]",
    "no text": b"\xff\xfe\x00",
    "nested without end": b"a: " + b"[" * 30_000,
    "an alias": fields().replace(b"form: release", b"form: &a release\nx: *a"),
    "a key twice": fields() + b"form: release\n",
    "a tag": fields().replace(b"form: release", b"form: !!python/object/apply:os.system [id]"),
    "a key that is a name": fields() + b"Quillfeather Odalys: 1\n",
    "a tag that is a name": fields().replace(b"form: release", b"form: !Quillfeather x"),
    "a key that is a list": fields() + b"? [Quillfeather]\n: 1\n",
    "a key that is a number": fields() + b"19610203: 1\n",
    "a tag that is a name with an apostrophe": fields().replace(b"form: release", b"form: !O'Quillfeather x"),
    "a tag with both kinds of quotes": fields().replace(b"form: release", b"form: !O'%22Quillfeather x"),
    "lists among the kinds": fields(information__records=[["Quillfeather"]]),
    "a part among the kinds": fields(information__records=[{"Quillfeather": 1}]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_form_is_refused_and_nothing_of_it_repeated(name: str):
    with pytest.raises(Unreadable) as refused:
        read(HOSTILE[name])

    assert "Quillfeather" not in str(refused.value)
    assert "19610203" not in str(refused.value)


def test_fields_are_bounded():
    with pytest.raises(TooLarge):
        read(fields() + b"#" * (64 << 10))


def test_no_mutilation_of_the_fields_makes_anything_but_a_form_or_a_refusal():
    text = fields()
    for at in range(0, len(text), 7):
        for other in (text[:at], text[:at] + b"\x00" + text[at:], text[:at] + b": " + text[at + 2 :]):
            try:
                read(other)
            except TransferError as error:
                assert "Quillfeather" not in str(error)
