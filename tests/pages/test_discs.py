"""A CD on pages: brought in as a ZIP file, whose its studies are by their files, and whose a person says they are."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.discs import a_zip, an_image, named_as
from tests.kit.processing import process_all
from transfer.ledger import records
from transfer.rights import Role

pytestmark = pytest.mark.servers


def sent(browser: Desk, files: dict[str, bytes]):
    return browser.send("/desk/discs/upload", file=a_zip(files).getvalue())


def a_cd(browser: Desk, files: dict[str, bytes]) -> str:
    """The path of a CD that was brought in and taken."""
    assert sent(browser, files).status_code == 303
    page = browser.get("/desk/incoming").text
    path = "/desk/discs/f" + page.split('href="/desk/discs/f')[1].split('"')[0]
    assert f'action="{path}/take"' in page
    assert browser.post(f"{path}/take").status_code == 303
    return path


def test_a_cd_is_told_patient_by_patient_and_no_title_names_anybody(browser: Desk):
    files = {"1": an_image("1", 1), "2": an_image("2", 1, name="Ashgrove^Tobias", sex="M"), "view.exe": b"MZ"}
    path = a_cd(browser, files)

    page = browser.get(path)
    text = text_of(page.text)

    assert all(one in text for one in ("Quillfeather, Odalys", "Ashgrove, Tobias", "names 2 patients", "Programs: 1"))
    assert "no directory (DICOMDIR)" in text
    assert "Quillfeather" not in page.text.split("</title>")[0] + path
    assert "CD: 2 studies" in text_of(browser.get("/desk/incoming").text)


def test_only_who_has_taken_it_sees_whose_it_is(browser: Desk):
    sent(browser, {"1": an_image("1", 1)})
    page = browser.get("/desk/incoming").text
    path = "/desk/discs/f" + page.split('href="/desk/discs/f')[1].split('"')[0]

    assert "Whoever takes the CD" in text_of(browser.get(path).text)
    assert "Quillfeather" not in browser.get(path).text


@pytest.mark.parametrize(
    ("files", "says"),
    [({"x.txt": b"words"}, "o image by DICOM is on it"), ({}, "o image by DICOM is on it")],
    ids=["words", "empty"],
)
def test_what_is_no_cd_is_refused_with_what_to_do(browser: Desk, files: dict[str, bytes], says: str):
    answer = sent(browser, files)

    assert (answer.status_code, says in text_of(answer.text)) == (403, True)
    assert "pack all of it as one ZIP file" in text_of(answer.text)


def test_a_strangers_study_is_found_out_and_the_patients_is_taken(browser: Desk):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    files = {"1": an_image("1", 1, **named_as(chart)), "2": an_image("2", 1, name="Zzyzx^Amos", sex="M")}
    path = a_cd(browser, files)
    found = browser.post(f"{path}/find", {"name": chart["patient"]["family"]})
    assert f"{path}/cases/{case}" in found.text
    assert "Compare the CD with the patient" in text_of(browser.get(f"{path}/cases/{case}").text)
    compared = browser.get(f"{path}/cases/{case}").text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert [("Zzyzx" in row, "Differs" in row) for row in compared.split("</tr>")[1:3]] == [
        (True, True),
        (False, False),
    ]
    both = {"studies": ["1", "2"], "institution": str(b.MERCY)}

    refused = browser.post(f"{path}/cases/{case}", both)
    assert (refused.status_code, "names somebody else, or nobody, in: " in text_of(refused.text)) == (422, True)
    own = "1" if chart["patient"]["family"] < "Zzyzx" else "2"
    taken = browser.post(f"{path}/cases/{case}", {"studies": own, "institution": str(b.MERCY)})
    assert (taken.status_code, taken.headers["location"]) == (303, path)
    other = {"1": "2", "2": "1"}[own]
    out = browser.post(f"{path}/leave-out", {"studies": other, "became": "misdirected"})
    assert out.status_code == 303

    process_all(browser.services)
    with browser.services.ledger.transaction() as tx:
        assert [kept.kind for kept, _ in records.joined(tx, case)] == ["images"]
    page = text_of(browser.get(path).text)
    assert "misdirected" in page and f"request {case}" in page


def test_what_is_lacking_on_the_forms_is_said_beside_it(browser: Desk):
    case, path = b.a_case(browser.services), a_cd(browser, {"1": an_image("1", 1)})

    for answer in (
        browser.post(f"{path}/leave-out", {}),
        browser.post(f"{path}/cases/{case}", {}),
        browser.post(f"{path}/find", {}),
    ):
        assert (answer.status_code, "There is a problem" in answer.text) == (422, True)


def test_a_clerk_brings_cds_in_and_sees_none(browser: Desk):
    path = a_cd(browser, {"1": an_image("1", 1)})
    clerk = Desk(browser.services)
    clerk.sign_in(Role.CLERK, person=a_person("ben", "Ben Example"))

    assert sent(clerk, {"1": an_image("2", 1)}).status_code == 303
    assert clerk.get(path).status_code == clerk.post(f"{path}/take").status_code == 403


def test_a_name_in_two_scripts_is_told_in_both_and_one_of_them_is_enough_to_be_the_patients(browser: Desk):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)
    who = named_as(chart)
    path = a_cd(browser, {"1": an_image("1", 1, **{**who, "name": f"{who['name']}=Wang^Xiaodong"})})

    page = browser.get(f"{path}/cases/{case}").text

    assert " / Wang, Xiaodong" in text_of(page)
    assert "Differs" not in page
