"""People at the command line, on a real ledger."""

import json
from datetime import date

import psycopg
import pytest

from tests.kit import builders as b
from tests.kit.doors import posted
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.embedded.postgres import Postgres
from transfer.flow import desk
from transfer.records import RecordKind
from transfer.sandbox.oncology import letters

pytestmark = pytest.mark.servers


def test_a_case_is_found_by_what_is_typed_and_shown_without_a_name(services, transfer):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    who = chart["patient"]

    found = transfer("case", "find", typed=f"{who['family']}\n{who['birth_date']}\n")
    shown = transfer("case", "show", case)
    named = transfer("case", "show", case, "--identity")

    assert case in found.stdout
    assert shown.stdout.splitlines()[1].startswith("Waits for the release form (")
    assert who["family"] not in found.output + shown.output
    assert who["family"] in named.stdout


def test_whom_nobody_knows_is_a_negative_answer(services, transfer):
    result = transfer("case", "find", "--json", typed=f"Nobody\n{date(1950, 1, 1)}\n")

    assert (result.exit_code, json.loads(result.stdout)) == (1, [])


def test_the_open_cases_are_listed_with_why_each_waits(services, transfer):
    first, second = b.a_case(services), b.a_case_without_slides(services)
    desk.close(services, first, "not-coming", actor=ANN)

    listed = json.loads(transfer("case", "list", "--json").stdout)
    everything = json.loads(transfer("case", "list", "--all", "--json").stdout)

    assert [one["case"] for one in listed] == [second]
    assert "Approve a partial packet" in listed[0]["why"]
    assert {one["case"] for one in everything} == {first, second}


def test_a_packet_is_approved_once(services, transfer):
    case = b.a_case_without_slides(services)

    first = transfer("case", "approve", case)
    again = transfer("case", "approve", case, "--json")

    assert first.exit_code == again.exit_code == 0
    assert json.loads(again.stdout)["changed"] is False


def test_what_is_not_allowed_ends_with_4_and_names_the_remedy(services, transfer):
    result = transfer("case", "approve", b.a_case(services))

    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert "--without images" in result.stderr


def test_what_a_case_needs_is_picked_added_and_taken_back(services, transfer):
    case = b.a_case(services)

    picked = transfer("case", "checklist", case, "common")
    added = transfer("case", "need", case, "molecular", "--facility", b.LAKESIDE, "--note", typed="the panel of May\n")
    done = transfer("case", "procedure", case, "scan", "--facility", b.MERCY, "--day", "2026-03")
    shown = transfer("case", "show", case)
    dropped = transfer("case", "drop", case, "added-2")

    assert [one.exit_code for one in (picked, added, done, dropped)] == [0, 0, 0, 0]
    assert "common 1" in shown.stdout
    assert "Molecular, needed for this patient; Lakeside Oncology" in " ".join(shown.stdout.split())
    assert "Images of the scan; Mercy Imaging; 2026-03" in " ".join(shown.stdout.split())
    assert "panel" not in shown.output + added.output
    assert "the panel of May" in transfer("case", "show", case, "--notes").stdout
    assert "Images of the scan" not in transfer("case", "show", case).stdout
    assert transfer("case", "need", case, "material", "--facility", b.MERCY).exit_code == 4
    assert transfer("case", "procedure", case, "scan", "--facility", b.MERCY, "--day", "May 4").exit_code == 2


def test_a_case_nobody_knows_ends_with_1(transfer):
    assert transfer("case", "show", "c00000000000").exit_code == 1


def test_two_people_decide_whose_a_record_is(services, transfer, monkeypatch):
    monkeypatch.setattr("transfer.cli.common._account", lambda: "nan")
    chart = b.a_chart()
    case = b.a_case_of_others(services, chart)
    b.report_comes(services, b.a_twin(chart))
    (hold,) = json.loads(transfer("hold", "list", "--json").stdout)

    blind = transfer("hold", "show", hold["hold"])
    beside = transfer("hold", "show", hold["hold"], "--identity")
    first = transfer("hold", "resolve", hold["hold"], "ours", case)
    half = transfer("hold", "show", hold["hold"])
    same = transfer("hold", "resolve", hold["hold"], "ours", case, "--person", "ben")
    monkeypatch.setattr("transfer.cli.common._account", lambda: "ben")
    second = transfer("hold", "resolve", hold["hold"], "ours", case)
    process_all(services)

    assert chart["patient"]["family"] not in blind.output
    assert "nan (claimed) said ours." in half.output
    assert beside.stdout.count(chart["patient"]["family"]) == 2
    assert (first.exit_code, same.exit_code, second.exit_code) == (4, 4, 0)
    assert "pathology-report" in transfer("case", "show", case).stdout
    assert transfer("hold", "list").stdout == "Nothing needs a decision.\n"


def test_a_question_shows_what_can_be_answered(services, transfer):
    b.a_case_without_slides(services)
    hold = b.the_hold(services, "approve-partial").id

    shown = transfer("hold", "show", hold)

    assert f"transfer hold resolve {hold} approve" in shown.stdout
    assert transfer("hold", "resolve", hold, "purge").exit_code == 4
    assert transfer("hold", "resolve", hold, "wait").exit_code == 0


def test_slides_are_counted_and_their_number_typed(services, transfer):
    case = b.a_case(services)

    received = transfer("material", "receive", case, "--pieces", 4, "--announced", 6, typed="S25-10071\n")
    other = transfer("material", "receive", case, "--pieces", 2, "--another-parcel", typed="S25-99999\n")
    rest = transfer("material", "receive", case, "--pieces", 2, "--another-parcel", typed="S25-10071\n")

    assert received.stdout.startswith("4 of 6 slides in hand: pieces-too-few")
    assert other.exit_code == 4
    assert rest.stdout.startswith("6 of 6 slides in hand;")
    assert "10071" not in transfer("case", "show", case, "--json").stdout


def test_slides_that_nobody_asked_for_are_told_to_programs_too(services, transfer):
    case = b.a_case(services)

    (told,) = json.loads(transfer("case", "show", case, "--json").stdout)["unasked"]
    assert (told["code"], told["remedy"]["fields"]["case"]) == ("material-to-ask", case)
    assert "transfer material ask" in transfer("hold", "list").stdout


def test_a_permission_is_revoked_and_the_case_says_so(services, transfer):
    case = b.a_case(services)
    permission = json.loads(transfer("case", "show", case, "--json").stdout)["permissions"][0]["permission"]

    paused = transfer("permission", "pause", permission)
    resumed = transfer("permission", "resume", permission)
    revoked = transfer("permission", "revoke", permission, "--json")
    too_late = transfer("permission", "resume", permission)

    assert [paused.exit_code, resumed.exit_code, revoked.exit_code, too_late.exit_code] == [0, 0, 0, 4]
    assert "the stop is complete" in json.loads(revoked.stdout)["sentence"]


def test_a_telephone_answer_is_written_down(services, transfer):
    case = b.a_case(services)
    request = b.request_to(services, case, "prairie-pathology").id

    assert transfer("request", "answer", request, "no-records").exit_code == 0
    assert "holds nothing" in transfer("case", "show", case).stdout


def test_notes_come_from_a_pipe_and_are_shown_on_demand(services, transfer):
    case = b.a_case(services)

    transfer("case", "note", case, typed="first line\nsecond\x1b[2J line\n")

    assert "second" not in transfer("case", "show", case).stdout
    shown = transfer("case", "show", case, "--notes").stdout
    assert "first line" in shown
    assert "ann (claimed)" in shown
    assert "\x1b" not in shown


def test_a_case_is_closed_with_a_note(services, transfer):
    case = b.a_case(services)

    assert transfer("case", "close", case, "--ending", "died", "--note", typed="told by the sister").exit_code == 0
    assert transfer("case", "close", case, "--ending", "not-coming").exit_code == 4
    assert "told by the sister" not in transfer("case", "show", case).stdout


def test_a_line_is_waived(services, transfer):
    case = b.a_case_without_slides(services)

    assert transfer("case", "waive", case, "slides", "absent").exit_code == 0
    assert transfer("case", "waive", case, "moon", "absent").exit_code == 4
    assert "is being put together" in transfer("case", "show", case).stdout


def test_a_referral_in_a_file_opens_a_case(services, transfer, tmp_path):
    file = tmp_path / "referral.json"
    file.write_bytes(b.referral_of(b.a_chart()))

    opened = transfer("open", file, "--from", "lakeside-oncology", "--json")
    again = transfer("open", "-", "--from", "lakeside-oncology", "--json", typed=file.read_text())
    refused = transfer("open", file, "--from", "mercy-imaging")
    nobody = transfer("open", file, "--from", "moon-clinic")

    case = json.loads(opened.stdout)["case"]
    assert json.loads(again.stdout)["case"] == case
    assert (refused.exit_code, nobody.exit_code) == (4, 1)
    assert transfer("case", "show", case).exit_code == 0
    assert case in transfer("case", "list").stdout, "also before it is opened"


class TestTrail:
    @pytest.fixture
    def case(self, services) -> str:
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)
        return case

    def tampered(self, migrated: Postgres, statement: str, *values: object) -> None:
        with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
            assert owner.execute(statement, values).rowcount == 1

    def test_a_whole_one_is_counted(self, case, transfer):
        result = transfer("trail", "verify", "--json")

        told = json.loads(result.stdout)
        assert (result.exit_code, told["broken"]) == (0, [])
        assert told["lines"] == told["unanchored"] > 5

    @pytest.mark.parametrize(
        ("statement", "named"),
        [
            ("UPDATE transfer.facts SET text = text || ' ' WHERE chain = %s AND sequence = 2", "line 2 is not what"),
            ("DELETE FROM transfer.facts WHERE chain = %s AND sequence = 2", "line 2 is missing"),
            ("UPDATE transfer.facts SET kind = 'note-added' WHERE chain = %s AND sequence = 1", "line 1 is filed"),
            ("UPDATE transfer.facts SET at = at + interval '1 s' WHERE chain = %s AND sequence = 1", "line 1 is filed"),
            ("UPDATE transfer.chain_heads SET sequence = sequence + 1 WHERE chain = %s", "is missing"),
            ("UPDATE transfer.chain_heads SET hash = sha256(hash) WHERE chain = %s", "not the one its head names"),
            ("DELETE FROM transfer.chain_heads WHERE chain = %s", "its head is missing"),
        ],
    )
    def test_what_was_altered_is_named(self, case, transfer, migrated, statement, named):
        self.tampered(migrated, statement, f"case:{case}")

        result = transfer("trail", "verify")

        assert result.exit_code == 1
        assert f"case:{case}" in result.stdout
        assert named in result.stdout

    def test_a_chain_cut_off_at_its_end_is_found_by_its_head(self, case, transfer, migrated):
        with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
            last = owner.execute("SELECT max(sequence) FROM transfer.facts WHERE chain = %s", [f"case:{case}"])
            number = last.fetchone()[0]
        self.tampered(migrated, "DELETE FROM transfer.facts WHERE chain = %s AND sequence = %s", f"case:{case}", number)

        assert f"line {number} is missing" in transfer("trail", "verify").stdout

    def test_a_chain_rewritten_with_its_head_is_found_by_the_packets_anchor(self, services, transfer, migrated):
        from transfer import facts
        from transfer.facts import Chain

        case = b.a_case_without_slides(services)
        chain = Chain.case(case)
        with services.ledger.transaction() as tx:
            head = tx.lines(chain)[-1]
            anchor = facts.Anchored(chain=chain, sequence=head.sequence, head=head.hash.hex(), packet=f"{case}-p1")
            tx.append(chain, anchor)
        assert json.loads(transfer("trail", "verify", "--json").stdout)["broken"] == []

        self.rewritten(migrated, services, chain)

        assert "names" in transfer("trail", "verify").stdout

    def rewritten(self, migrated: Postgres, services, chain) -> None:
        """Somebody with the owner's rights changes line 1 and makes every hash anew."""
        from dataclasses import replace

        from transfer import facts

        with services.ledger.transaction() as tx:
            lines = tx.lines(chain)
        previous = facts.GENESIS
        with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
            for line in lines:
                by = replace(line.by, person="mallory") if line.sequence == 1 else line.by
                forged = facts.write(chain, line.sequence, line.at, by, line.fact, previous)
                owner.execute(
                    "UPDATE transfer.facts SET text = %s, previous = %s, hash = %s WHERE chain = %s AND sequence = %s",
                    [forged.text, forged.previous, forged.hash, chain, line.sequence],
                )
                previous = forged.hash
            owner.execute("UPDATE transfer.chain_heads SET hash = %s WHERE chain = %s", [previous, chain])


def test_everything_of_a_case_is_stopped_and_what_a_no_stopped_is_listed_with_its_clock(services, transfer):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    posted(services, b.LAKESIDE, letters.release_form(chart, {"status": "void"}))
    (asked,) = json.loads(transfer("hold", "list", "--json").stdout)
    listed = transfer("hold", "list").stdout
    shown = transfer("hold", "show", asked["hold"])

    assert (asked["code"], asked["subject"], asked["is_past_due"]) == ("form-stopped", case, False)
    assert asked["due_at"][:16].replace("T", " ") in listed
    assert f"transfer hold resolve {asked['hold']} revoke" in shown.stdout
    resumed = transfer("hold", "resolve", asked["hold"], "resume")
    assert "goes on" in resumed.stdout
    paused = transfer("permission", "pause", case)
    again = transfer("permission", "pause", case)
    assert paused.exit_code == again.exit_code == 0
    assert paused.stdout.startswith(f"Everything of {case} is paused")
    assert "as before" in again.stdout
    form, stop = json.loads(transfer("permission", "list", case, "--json").stdout)
    assert (form["ended"], form["is_stop"], stop["ended"], stop["is_stop"]) == ("paused", False, "paused", True)
    listed = transfer("permission", "list", case).stdout
    assert f"{stop['permission']}  stop" in listed and f"{form['permission']}  form" in listed
    assert transfer("permission", "pause", "nonsense").exit_code == 2


def test_a_legal_hold_is_placed_shown_and_lifted(services, transfer):
    case = b.a_case(services)

    placed = transfer("permission", "legal-hold", case)
    shown = transfer("case", "show", case)
    lifted = transfer("permission", "legal-hold", case, "--lift")

    assert placed.exit_code == lifted.exit_code == 0
    assert "legal hold since" in shown.stdout
    assert "legal hold since" not in transfer("case", "show", case).stdout


def test_what_went_astray_is_written_down_once_and_listed_without_its_words(services, transfer):
    case = b.a_case(services)
    said = ("case", "misdirected", case, "fax", "--noticed", "2026-01-05", "--done", "asked-to-destroy", "--note")

    nobody = transfer(*said[:-1])
    first = transfer(*said, typed="A bakery in Minot\n")
    transfer(*said, typed="A bakery in Minot\n")
    listed = json.loads(transfer("audit", "misdirected", "--days", "3660", "--json").stdout)
    shown = transfer("case", "show", case, "--notes")

    assert nobody.exit_code == 2
    assert first.exit_code == 0
    assert [(one["case"], one["what"], one["done"]) for one in listed] == [(case, "fax", ["asked-to-destroy"])]
    assert "bakery" not in json.dumps(listed)
    assert "bakery" in shown.stdout


def test_what_was_filed_in_our_chart_is_said_once(services, transfer):
    case = b.a_case(services)
    record = b.came_in(services, case, RecordKind.NOTE)

    first, again = (transfer("case", "filed", case, record, "--json") for _ in range(2))
    other = transfer("case", "filed", case, f"{case}-p1")

    assert [json.loads(one.stdout)["changed"] for one in (first, again)] == [True, False]
    assert other.exit_code != 0
    assert "In our chart" in transfer("case", "show", case).stdout


def test_pieces_are_described_one_by_one(services, transfer):
    case = b.a_case(services)
    transfer("material", "receive", case, "--pieces", "2", typed="S25-1\n")
    (material,) = [one.material for one in desk.dossier(services, case, actor=ANN).materials]

    did = transfer("material", "piece", case, material, "--block", "A1", "--place", "Shelf 2", typed="S25-1 A1-1\n")
    shown = transfer("material", "pieces", case, material)

    assert did.exit_code == 0
    assert "1 of 2 described" in shown.stdout
    assert "S25-1 A1-1" in shown.stdout
