"""Lists by state, and the forms that a release needs there."""

from pathlib import Path

import pytest

from transfer import institutions
from transfer.institutions import Institution
from transfer.own_forms import OwnForm, lacks_own, load_states
from transfer.security_labels import FEDERALLY_PROTECTED, SENSITIVITY

SHIPPED = Path(__file__).parents[2] / "institutions" / "states"
HIV = "{title: HIV release, names: [DOH-2557], labels: [HIV], source: its law}"


def a_form(*names: str, labels: frozenset[str] = frozenset()) -> OwnForm:
    return OwnForm(title="a form", names=frozenset(names), labels=labels, source="a law")


def read(folder: Path, institution: str, state: str = "id: ny\nname: New York\n", file: str = "ny.yaml") -> Institution:
    (folder / "states").mkdir()
    (folder / "states" / file).write_text(state)
    (folder / "clinic.yaml").write_text(f"id: clinic\nname: A\ntime_zone: UTC\n{institution}\n")
    return institutions.load(folder, {})["clinic"]


def test_the_lists_that_are_shipped_withhold_what_a_state_protects():
    lists = load_states(SHIPPED)

    assert {"ny", "il"} <= lists.keys()
    (hiv,) = lists["ny"].own_forms
    assert (hiv.labels, hiv.names) == ({"HIV"}, {"DOH-2557", "OCA-960"})
    assert lists["ny"].special_categories == SENSITIVITY
    for one in lists.values():
        protected = {"HIV", "MH", "PSY", "BH", "STD", "GDIS", "SEXREPROD", "DVD", "SDV", "ADOL"}
        assert protected | (FEDERALLY_PROTECTED & SENSITIVITY) <= one.special_categories, one.name


def test_an_institution_of_a_state_has_its_list(tmp_path: Path):
    found = read(tmp_path, "state: ny", f"id: ny\nname: New York\nspecial_categories: [HIV, MH]\nown_forms: [{HIV}]\n")

    assert found.special_categories == {"HIV", "MH"}
    assert [one.names for one in found.own_forms] == [{"DOH-2557"}]


def test_its_own_categories_stand_and_its_forms_come_beside_the_states(tmp_path: Path):
    own = "state: ny\nspecial_categories: [MH]\nown_forms: [{title: Ours, names: [A-1], source: our policy}]"
    found = read(tmp_path, own, f"id: ny\nname: New York\nspecial_categories: [HIV]\nown_forms: [{HIV}]\n")

    assert found.special_categories == {"MH"}
    assert [one.title for one in found.own_forms] == ["Ours", "HIV release"]


def test_without_a_state_or_a_list_all_is_withheld(tmp_path: Path):
    assert read(tmp_path, "").special_categories == SENSITIVITY


@pytest.mark.parametrize(
    ("institution", "state", "file", "place"),
    [
        ("state: oh", "id: ny\nname: New York\n", "ny.yaml", "clinic.yaml: state: there is no such file in states/"),
        ("state: [ny]", "id: ny\nname: New York\n", "ny.yaml", "clinic.yaml: state: there is no such file in states/"),
        ("", "id: il\nname: Illinois\n", "ny.yaml", "states/ny.yaml: the file is not named by its id"),
        (
            "",
            "id: ny\nname: New York\nspecial_categories: [SECRET]\n",
            "ny.yaml",
            "states/ny.yaml: special_categories: Value error, no sensitivity that is known here: SECRET",
        ),
        ("", "id: ny\nname: New York\nforms: []\n", "ny.yaml", "states/ny.yaml: forms"),
        ("own_forms: [{title: X, names: [], source: y}]", "id: ny\nname: New York\n", "ny.yaml", "own_forms.0.names"),
        ("state: ny\nown_forms: 7", "id: ny\nname: New York\n", "ny.yaml", "clinic.yaml: own_forms"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_place(tmp_path: Path, institution: str, state: str, file: str, place: str):
    with pytest.raises(ValueError) as told:
        read(tmp_path, institution, state, file)

    assert place in str(told.value)


def test_of_several_forms_for_the_same_records_one_is_enough_and_of_each_kind_one_is_needed():
    hiv = frozenset({"HIV"})

    assert not lacks_own(frozenset({"A"}), [a_form("A", labels=hiv), a_form("B", labels=hiv)])
    assert lacks_own(frozenset({"A"}), [a_form("A", labels=hiv), a_form("B")])
    assert not lacks_own(frozenset({"A", "B"}), [a_form("A", labels=hiv), a_form("B")])
    assert lacks_own(frozenset(), [a_form("A", labels=hiv)])
    assert not lacks_own(frozenset(), [])
