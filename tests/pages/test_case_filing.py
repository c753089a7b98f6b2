"""What was filed in our chart, what went astray, and a packet opened at the desk."""

import io
import re
import tarfile

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.flow import desk as verbs
from transfer.rights import Role

pytestmark = pytest.mark.servers

NOTICED = {"noticed-month": "1", "noticed-day": "5", "noticed-year": "2026"}


def sent(services):
    """A case whose packet is put together."""
    case = b.a_case_without_slides(services)
    verbs.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)
    return case, f"{case}-p1"


class TestOurChart:
    def test_a_record_is_filed_by_one_button_and_once(self, services, browser):
        case = b.a_case_without_slides(services)
        with services.ledger.transaction() as tx:
            record = next(iter(tx.case(case).records))
        path = f"/desk/cases/{case}/chart/{record}"
        assert f'action="{path}"' in browser.get(f"/desk/cases/{case}").text

        assert browser.post(path).status_code == 303
        assert browser.post(path).status_code == 303

        assert [one.about for one in b.facts_of(services, case, facts.FiledInChart)] == [record]
        page = browser.get(f"/desk/cases/{case}").text
        assert f'action="{path}"' not in page
        assert re.search("Filed ... .* Ann Example", text_of(page))
        assert browser.post(f"/desk/cases/{case}/chart/r000000000000000").status_code == 404


class TestAstray:
    def test_what_went_to_the_wrong_place_is_written_down_and_listed_for_privacy(self, services, browser):
        case = b.a_case(services)
        browser.sign_in(Role.CLERK)
        form = {"what": "fax", "note": "The Whitfield clinic, three pages", "done": ["asked-to-destroy"], **NOTICED}
        path = f"/desk/cases/{case}/misdirected"

        assert browser.post(path, {**form, "note": ""}).status_code == 422
        assert browser.post(path, {**form, "noticed-year": "2999"}).status_code == 403
        assert browser.post(path, form).status_code == 303
        assert browser.post(path, form).status_code == 303

        (fact,) = b.facts_of(services, case, facts.MisdirectionRecorded)
        assert (fact.what, fact.noticed_on, fact.done) == ("fax", "2026-01-05", ("asked-to-destroy",))
        assert "Whitfield" not in str(fact)
        assert browser.get("/desk/misdirected").status_code == 403
        browser.sign_in(Role.PRIVACY)
        listed = browser.get("/desk/misdirected").text
        assert f"/desk/cases/{case}?notes=1" in listed
        assert "Whitfield" not in listed
        assert "Whitfield clinic" in browser.get(f"/desk/cases/{case}?notes=1").text

    def test_it_needs_somebody_who_got_it_and_a_day(self, services, browser):
        case = b.a_case(services)
        path, to = f"/desk/cases/{case}/misdirected", {"what": "packet", "to": "mercy-imaging"}

        assert browser.post(path, to).status_code == 422
        assert browser.post(path, {**to, **NOTICED}).status_code == 303
        assert b.facts_of(services, case, facts.MisdirectionRecorded)[0].to == "mercy-imaging"


class TestPackets:
    def test_a_packet_is_opened_file_by_file_and_whole_and_each_look_is_a_fact(self, services, browser):
        case, packet = sent(services)
        here = f"/desk/cases/{case}/packets/{packet}"
        assert f'href="{here}"' in browser.get(f"/desk/cases/{case}").text

        listed = browser.get(here).text
        number = re.search(rf'href="{here}/(\d+)">[^<]*bagit.txt', listed).group(1)

        assert "index.html" in listed
        assert "BagIt-Version" in browser.get(f"{here}/{number}").text
        whole = browser.get(f"{here}/whole")
        assert whole.headers["content-disposition"].startswith("attachment")
        with tarfile.open(fileobj=io.BytesIO(whole.content)) as tar:
            assert any(one.name.endswith("index.html") for one in tar)
        looks = [one for one in verbs.list_looks(services, actor=ANN, days=1) if one.about == packet]
        assert [one.place for one in looks] == ["packet", "packet"]

    @pytest.mark.parametrize("number", ["9999", "x", "1234567"])
    def test_a_file_that_there_is_not_is_no_page(self, services, browser, number):
        case, packet = sent(services)

        assert browser.get(f"/desk/cases/{case}/packets/{packet}/{number}").status_code == 404

    def test_who_may_see_no_content_opens_none(self, services, browser):
        case, packet = sent(services)
        browser.sign_in(Role.CLERK)

        assert browser.get(f"/desk/cases/{case}/packets/{packet}").status_code == 403
        assert f"/packets/{packet}" not in browser.get(f"/desk/cases/{case}").text
