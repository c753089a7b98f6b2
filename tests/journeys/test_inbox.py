"""What comes in: stored before it is answered, effective once, and never the wrong person's."""

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import psycopg
import pytest

from tests.kit.doors import a_control_id, a_report, a_task, deliver, post, withdrawn
from tests.kit.house import Chart, House
from tests.kit.processing import process_all
from tests.kit.staff import NURSE, REGISTRAR
from transfer import facts
from transfer.completeness import NeedState
from transfer.facts import SYSTEM, Chain
from transfer.flow import answers, desk
from transfer.flow.receive import receive
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import holds, permissions, purging, rounds
from transfer.rounds import Dag
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages
from transfer.sealing import SITE

pytestmark = pytest.mark.servers

#: more than twice as many as are purged in one transaction
UNMATCHED = 1100


def an_open_case(house: House, chart: Chart) -> CaseId:
    """Permitted, and fetched as far as it can be; pathology has sent nothing yet."""
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    process_all(house.services)
    return case


def records_from(house: House, case: CaseId, institution: str) -> list[facts.RecordCollected]:
    with house.services.ledger.transaction() as tx:
        return [one for one in tx.case(case).records.values() if one.institution == institution]


def line(house: House, case: CaseId, key: str = "pathology-report") -> Any:
    return next(need for need in house.assessment(case).completeness.needs if need.line.key == key)


def held(house: House) -> dict[str, holds.Hold]:
    """Open questions about messages nobody could place, by the message."""
    with house.services.ledger.transaction() as tx:
        return {hold.subject: hold for hold in holds.open_holds(tx) if not CaseId.pattern.fullmatch(hold.subject)}


def arrivals(house: House, *, but: Sequence[Any] = ()) -> list[Any]:
    """What is here, without what was here before."""
    with house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT * FROM arrivals ORDER BY received_at")
    before = {row.arrival for row in but}
    return [row for row in rows if row.arrival not in before]


def how_many(house: House) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM arrivals"))


def now(house: House) -> datetime:
    with house.services.ledger.transaction() as tx:
        return tx.now()


# --- unmatched --------------------------------------------------------------------------------------------------------


def housekeeping(house: House) -> None:
    """What the dispatcher's housekeeping rings for."""
    with house.services.ledger.transaction() as tx:
        assert purging.is_housekeeping_due(tx)
        rounds.owe(tx, Dag.HOUSEKEEPING, "inbox")
    process_all(house.services)


def counts(house: House) -> dict[str, Any]:
    """What is known of pathology's unmatched messages, of all days."""
    with house.services.ledger.transaction() as tx:
        row = tx.row(
            """SELECT sum(received) AS received, sum(matched) AS matched, sum(purged) AS purged FROM unmatched_counts
               WHERE institution = 'prairie-pathology'"""
        )
    return {name: value or 0 for name, value in row._asdict().items()}


def tables_with(house: House, *words: str) -> set[str]:
    """The tables in any column of which one of these words can be read."""
    found = set()
    with house.services.ledger.transaction() as tx:
        for row in tx.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer'"):
            for word in words:
                readable = f"%{word}%", f"%{word.encode().hex()}%"
                query = f"SELECT 1 FROM {row.tablename} AS t WHERE t::text LIKE ANY(%s) LIMIT 1"
                if tx.row(query, list(readable)):
                    found.add(row.tablename)
    return found


def words_of_the_unmatched(seed: int, count: int) -> list[str]:
    """Names and numbers in the first messages of a seed."""
    dice = random.Random(seed)
    texts = [messages.about_nobody_known(dice, "x").decode() for _ in range(count)]
    return [word for text in texts for word in re.findall(r"(?:P9\d{8}|[^|^]+-\d{4}(?=\^)|SEBORRHEIC)", text)]


def test_messages_about_nobody_known_trouble_nobody_and_are_purged_unless_their_case_opens(
    house: House, hours_pass: Callable[[timedelta], None]
):
    chart = house.a_patient(slices=2)
    before, questions = counts(house), set(held(house))
    house.pathology_report(chart)
    seed = random.randrange(10**9)
    answers = house.order("pathology", "send-other-patients", {"count": UNMATCHED, "connections": 8, "seed": seed})
    assert (answers["AA"], answers["AE"], answers["AR"]) == (UNMATCHED, 0, 0)
    process_all(house.services)

    received = {name: value - before[name] for name, value in counts(house).items()}
    assert received == {"received": UNMATCHED + 1, "matched": 0, "purged": 0}
    assert set(held(house)) == questions
    words = words_of_the_unmatched(seed, 4)
    assert len(words) >= 8
    assert tables_with(house, *words, chart["patient"]["family"], chart["pathology"]["accession"]["value"]) == set()

    # One of them is referred after all: what was sealed is found, and is theirs.
    case = an_open_case(house, chart)
    assert [record.document for record in records_from(house, case, "prairie-pathology")] == ["pathology-report"]
    assert house.request_states(case)["report-desk"] == "answered"
    assert counts(house)["matched"] - before["matched"] == 1

    # The others' time is over. Their rows go, the counts stay, and when the day is over its key goes.
    day = now(house).date()
    key = house.settings.keys / "day" / "prairie-pathology" / day.isoformat()
    assert key.exists()
    hours_pass(timedelta(hours=73))
    housekeeping(house)
    with house.services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE state = 'sealed' AND patient IS NULL") == 0
        assert tx.value("SELECT count(*) FROM arrival_terms") == 0
    purged = counts(house)["purged"] - before["purged"]
    assert purged >= UNMATCHED
    hours_pass(timedelta(hours=48))
    housekeeping(house)
    assert not key.exists()
    with house.services.ledger.transaction() as tx:
        closed = [one.fact for one in tx.lines(SYSTEM) if isinstance(one.fact, facts.UnmatchedPurged)]
    fact = [one for one in closed if (one.institution, one.day) == ("prairie-pathology", day.isoformat())][-1]
    assert fact.key_destroyed
    assert fact.count >= UNMATCHED
    assert records_from(house, case, "prairie-pathology")
    assert line(house, case).state is NeedState.SATISFIED


def test_what_waits_for_a_decision_outlasts_the_key_of_its_day(house: House, hours_pass: Callable[[timedelta], None]):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="empty")  # its copy would tell the report by its number
    case = an_open_case(house, chart)
    deliver(house, without_number(a_report(chart)))
    process_all(house.services)
    hold = question_about(house, chart)
    hours_pass(timedelta(hours=24 * 6))
    housekeeping(house)
    with house.services.ledger.transaction() as tx:
        key = tx.value("SELECT key FROM arrivals WHERE arrival = %s", hold.subject)
    assert key.endswith(now(house).date().isoformat())
    for actor in (NURSE, REGISTRAR):
        desk.resolve(house.services, hold.id, HoldAnswer.OURS, actor=actor, case=case)
    process_all(house.services)
    assert len(records_from(house, case, "prairie-pathology")) == 1


def test_a_message_that_is_just_being_sealed_while_its_case_opens_is_not_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    chart = house.a_patient(slices=2)
    house.release_form(chart)
    process_all(house.services)
    is_sealing, go_on, seal = Event(), Event(), answers.seal_away

    def seal_slowly(*said: Any) -> None:
        is_sealing.set()
        assert go_on.wait(10)
        seal(*said)

    monkeypatch.setattr(answers, "seal_away", seal_slowly)
    deliver(house, a_report(chart))
    with ThreadPoolExecutor() as background:
        sealing = background.submit(receive, house.services)
        assert is_sealing.wait(10)
        case = house.referral(chart)
        opening = background.submit(process_all, house.services)
        time.sleep(1.0)
        go_on.set()
        sealing.result(20)
        opening.result(20)
    process_all(house.services)
    assert [record.document for record in records_from(house, case, "prairie-pathology")] == ["pathology-report"]


# --- once -------------------------------------------------------------------------------------------------------------


def test_the_same_message_again_is_answered_and_not_repeated(house: House):
    chart = house.a_patient(slices=2)
    case = an_open_case(house, chart)
    before, message = arrivals(house), a_report(chart)
    assert deliver(house, message, message) == ["AA", "AA"]
    process_all(house.services)
    assert deliver(house, message) == ["AA"]
    process_all(house.services)
    assert len(arrivals(house, but=before)) == 1
    assert len(records_from(house, case, "prairie-pathology")) == 1


def test_the_same_number_with_other_bytes_is_a_conflict_where_it_concerns_a_known_patient(house: House):
    chart, number = house.a_patient(slices=2), a_control_id()
    case = an_open_case(house, chart)
    one = messages.about_nobody_known(random.Random(), number)
    other = messages.about_nobody_known(random.Random(), number)
    questions = set(held(house))
    assert deliver(house, one, other) == ["AA", "AA"]
    process_all(house.services)
    assert set(held(house)) == questions
    assert "control-id-conflict" not in house.holds(case)

    assert deliver(house, a_report(chart, control_id=number)) == ["AA"]
    process_all(house.services)
    assert "control-id-conflict" in house.holds(case)
    assert len(records_from(house, case, "prairie-pathology")) == 1


def test_a_referral_and_a_form_posted_twice_take_effect_once(house: House):
    chart = house.a_patient(slices=2)
    house.release_form(chart)
    house.release_form(chart)
    cases = {house.referral(chart), house.referral(chart)}
    process_all(house.services)
    (case,) = cases
    house.release_form(chart)
    process_all(house.services)
    with house.services.ledger.transaction() as tx:
        opened = tx.case(case).opened
        assert opened is not None
        assert len(permissions.filed(tx, opened.patient)) == 1
        assert tx.value("SELECT count(*) FROM cases WHERE patient = %s", opened.patient) == 1


def a_delivered_packet(house: House) -> tuple[CaseId, str]:
    """Without its slides, and without the center's receipt."""
    house.behave("center", receipt="none")
    chart = house.a_patient(slices=2)
    case = an_open_case(house, chart)
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))
    desk.approve(house.services, case, actor=NURSE)
    process_all(house.services)
    with house.services.ledger.transaction() as tx:
        (packet,) = [name for name, sent in tx.case(case).packets.items() if sent.outcome == "made"]
    return case, packet


def receipts(house: House, case: CaseId) -> list[str]:
    with house.services.ledger.transaction() as tx:
        found = [one.fact for one in tx.lines(Chain.case(case))]
    return [fact.status for fact in found if isinstance(fact, facts.ReceiptRecorded)]


def test_a_receipt_takes_effect_once_and_only_from_whom_the_packet_was_handed_to(house: House):
    case, packet = a_delivered_packet(house)
    for other in ("oncology", "archive", "pathology"):
        assert post(house, other, "/fhir/Task", a_task("packet", packet, "accepted")).status == 403
    assert post(house, "center", "/fhir/Task", a_task("packet", "c00000000000-p1", "accepted")).status == 403
    process_all(house.services)
    assert receipts(house, case) == []

    first = a_task("packet", packet, "accepted")
    again = a_task("packet", packet, "accepted", lastModified="2026-01-01T00:00:00Z")
    assert [post(house, "center", "/fhir/Task", one).status for one in (first, first, again)] == [201] * 3
    process_all(house.services)
    assert receipts(house, case) == ["accepted"]
    assert "receipts-disagree" not in house.holds(case)
    assert post(house, "center", "/fhir/Task", a_task("packet", packet, "rejected", "unreadable")).status == 201
    process_all(house.services)
    assert receipts(house, case) == ["accepted"]
    assert "receipts-disagree" in house.holds(case)


def test_no_records_is_believed_of_nobody_but_who_was_asked(house: House):
    house.behave("archive", answer="empty")
    case = an_open_case(house, house.a_patient(slices=2))
    with house.services.ledger.transaction() as tx:
        request = tx.value("SELECT request FROM requests WHERE case_id = %s AND department = 'film-room'", case)
    said = a_task("request", request, "rejected", "no-records")
    assert post(house, "oncology", "/fhir/Task", said).status == 403
    assert post(house, "archive", "/fhir/Task", a_task("request", "rnobody", "rejected", "no-records")).status == 403
    process_all(house.services)
    assert house.request_states(case)["film-room"] == "not-found"
    assert [post(house, "archive", "/fhir/Task", said).status for _ in range(2)] == [201, 201]
    process_all(house.services)
    assert house.request_states(case)["film-room"] == "no-records"


def test_a_door_killed_under_load_has_every_message_it_acknowledged_exactly_once(house: House):
    house.order("pathology", "behaviour", {"attempts": 60, "ack_seconds": 3})
    before, sent_before = arrivals(house), len(house.order("pathology", "sent", method="GET"))
    with ThreadPoolExecutor() as background:
        sending = background.submit(house.order, "pathology", "send-other-patients", {"count": 2500, "connections": 6})
        for so_many in (200, 1200):
            while how_many(house) - len(before) < so_many:
                assert not sending.done(), "all was sent before it could be killed"
                time.sleep(0.02)
            os.kill(house.system.pid("gateway"), signal.SIGKILL)
        answers = sending.result(120)
    house.order("pathology", "behaviour", {"attempts": 5, "ack_seconds": 10})

    assert answers["AA"] == 2500
    sent = house.order("pathology", "sent", method="GET")[sent_before:]
    assert any(one["attempts"] > 1 for one in sent), "nobody noticed"
    keys = house.services.ledger.keys
    known = {
        keys.hmac(SITE, f"arrival|prairie-pathology|mllp|{one['control_id']}|{one['sha256']}".encode()) for one in sent
    }
    kept = arrivals(house, but=before)
    assert sorted(bytes(one.dedupe) for one in kept) == sorted(known)
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("DELETE FROM transfer.arrivals WHERE arrival = ANY(%s)", [[one.arrival for one in kept]])


# --- the doors --------------------------------------------------------------------------------------------------------


def test_each_door_takes_only_what_is_granted_there(house: House):
    chart = house.a_patient(slices=2)
    form, referral = letters.release_form(chart, {}), letters.referral(chart, {})
    revocation, pushed = letters.release_form(chart, {"status": "inactive"}), letters.pushed(chart, "progress")
    before = arrivals(house)
    for institution in ("pathology", "archive", "center"):
        assert post(house, institution, "/fhir/Consent", form).status == 403
        assert post(house, institution, "/fhir/Consent", revocation).status == 403
        assert post(house, institution, "/fhir", referral).status == 403
    for institution in ("archive", "center"):
        assert post(house, institution, "/fhir", pushed).status == 403
    refer = b"MSH|^~\\&|PRAIRIELIS|PRAIRIE|||20260101||REF^I12|1|P|2.5.1\rPID|1||1\r"
    other = refer.replace(b"PRAIRIELIS", b"SOMEBODY").replace(b"REF^I12", b"ORU^R01")
    assert deliver(house, refer) == ["AR"]
    assert deliver(house, other) == ["AR"]
    assert arrivals(house, but=before) == []


def test_who_is_not_known_or_sends_too_much_is_refused_before_anything_is_kept(house: House):
    before = arrivals(house)
    assert post(house, "oncology", "/fhir", {}, token="nobody").status == 401
    assert post(house, "oncology", "/fhir", b"{" + b" " * (33 << 20) + b"}").status == 413
    deep = b'{"resourceType": "Consent", "extension": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    nested = b'{"a": ' * 100 + b"1" + b"}" * 100
    assert [post(house, "oncology", "/fhir", body).status for body in (deep, nested, b"{", b"[1]")] == [400] * 4
    assert arrivals(house, but=before) == []
    assert post(house, "oncology", "/fhir/Consent", letters.release_form(house.a_patient(slices=2), {})).status == 201


def test_what_cannot_be_understood_is_kept_and_shown_with_the_reason(house: House):
    chart = house.a_patient(slices=2)
    before = arrivals(house)
    form = letters.release_form(chart, {"resource": {"provision": {"period": {"end": "sometime"}}}})
    push = letters.pushed(chart, "progress")
    for entry in push["entry"]:
        if entry["resource"]["resourceType"] == "DocumentReference":
            entry["resource"]["status"] = 7
    assert post(house, "oncology", "/fhir/Consent", form).status == 201
    assert post(house, "oncology", "/fhir", push).status == 200
    garbled = a_report(chart).replace(b"\rOBR|", b"\rXBR|").replace(b"\rOBX|", b"\rXBX|")
    assert deliver(house, garbled) == ["AA"]
    process_all(house.services)
    kept = arrivals(house, but=before)
    assert [one.state for one in kept] == ["held"] * 3
    assert all(held(house)[one.arrival].code == "arrival-unreadable" for one in kept)
    reasons = [one.outcome for one in kept]
    assert reasons[0].startswith("unreadable: Consent")
    assert all(chart["patient"]["family"] not in reason for reason in reasons)


def test_one_bad_entry_keeps_nothing_else_back(house: House):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="empty")
    case = an_open_case(house, chart)
    good, bad = letters.pushed(chart, "progress"), letters.pushed(chart, "consultation")
    spoilt = [json.loads(json.dumps(entry)) for entry in bad["entry"]]
    for entry in spoilt:
        if entry["resource"]["resourceType"] == "DocumentReference":
            entry["resource"]["status"] = 7
    assert post(house, "oncology", "/fhir", {**good, "entry": [*good["entry"], *spoilt]}).status == 200
    process_all(house.services)
    assert len(records_from(house, case, "lakeside-oncology")) == 1
    assert "entries-unusable" in house.holds(case)


# --- whose it is ------------------------------------------------------------------------------------------------------


def without_number(message: bytes) -> bytes:
    """The same report, whose patient has a name and a birth date and no number."""
    return re.sub(rb"\rPID\|1\|\|[^|]*\|", b"\rPID|1|||", message)


def is_about(house: House, hold: holds.Hold, chart: Chart) -> bool:
    names = {
        name.family
        for said in desk.hold(house.services, hold.id, actor=NURSE, identity=True).comparison.said
        for name in said.names
    }
    return chart["patient"]["family"] in names


def question_about(house: House, chart: Chart) -> holds.Hold:
    (found,) = [hold for hold in held(house).values() if hold.code == "whose-record" and is_about(house, hold, chart)]
    return found


def test_a_name_and_a_birth_date_alone_are_decided_by_two_people(house: House):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="empty")  # its copy would tell the report by its number
    case = an_open_case(house, chart)
    deliver(house, without_number(a_report(chart)))
    process_all(house.services)
    hold = question_about(house, chart)
    comparison = desk.hold(house.services, hold.id, actor=NURSE, identity=True).comparison
    assert (comparison.match_rule, comparison.deciders) == ("name-and-birth-date", 2)
    assert records_from(house, case, "prairie-pathology") == []
    assert tables_with(house, chart["patient"]["family"], chart["pathology"]["accession"]["value"]) == set()

    assert desk.resolve(house.services, hold.id, HoldAnswer.OURS, actor=NURSE, case=case).needs_another
    process_all(house.services)
    assert desk.resolve(house.services, hold.id, HoldAnswer.OURS, actor=NURSE, case=case).needs_another
    assert records_from(house, case, "prairie-pathology") == []
    desk.resolve(house.services, hold.id, HoldAnswer.OURS, actor=REGISTRAR, case=case)
    process_all(house.services)
    (record,) = records_from(house, case, "prairie-pathology")
    assert record.document == "pathology-report"
    assert line(house, case).state is NeedState.SATISFIED


def test_a_number_of_ours_with_another_birth_date_is_never_collected_by_itself(house: House):
    chart = house.a_patient(slices=2)
    case = an_open_case(house, chart)
    born = chart["patient"]["birth_date"].replace("-", "")
    wrong = a_report(chart).replace(f"||{born}|".encode(), b"||19010305|")
    assert wrong != a_report(chart)
    deliver(house, wrong)
    process_all(house.services)
    hold = question_about(house, chart)
    assert (
        desk.hold(house.services, hold.id, actor=NURSE, identity=True).comparison.match_rule == "conflicting-birth-date"
    )
    assert records_from(house, case, "prairie-pathology") == []
    desk.resolve(house.services, hold.id, HoldAnswer.NOT_OURS, actor=NURSE)
    process_all(house.services)
    assert records_from(house, case, "prairie-pathology") == []
    with house.services.ledger.transaction() as tx:
        assert tx.value("SELECT state FROM arrivals WHERE arrival = %s", hold.subject) == "sealed"


@pytest.mark.parametrize("known", ["surviving", "absorbed"])
def test_a_merge_that_names_a_patient_of_ours_is_shown_to_a_person(house: House, known: str):
    chart = house.a_patient(slices=2)
    an_open_case(house, chart)
    deliver(house, a_report(chart))
    process_all(house.services)
    questions = set(held(house))
    pid = next(s for s in a_report(chart).decode().split("\r") if s.startswith("PID"))
    ours, theirs = pid.split("|")[3], pid.split("|")[3].replace("P", "P77", 1)
    survivor, absorbed = (ours, theirs) if known == "surviving" else (theirs, ours)
    name = chart["patient"]["family"] if known == "surviving" else "Newly-Wed"
    merge = "\r".join([
        rf"MSH|^~\&|PRAIRIELIS|PRAIRIE|||20260101120000||ADT^A40^ADT_A39|{a_control_id()}|P|2.5.1",
        "EVN|A40|20260101120000",
        pid.replace(ours, survivor).replace(chart["patient"]["family"], name),
        f"MRG|{absorbed}",
        "",
    ])  # fmt: skip
    elsewhere = merge.replace(ours, "P770000001^^^PRAIRIE^MR").replace(name, "Nobody")
    assert deliver(house, merge.encode(), elsewhere.replace("ADT_A39|T", "ADT_A39|U").encode()) == ["AA", "AA"]
    process_all(house.services)
    new = [hold for subject, hold in held(house).items() if subject not in questions]
    assert [hold.code for hold in new] == ["identity-changed"]


# --- copies and changes -----------------------------------------------------------------------------------------------


def chosen(house: House, case: CaseId) -> facts.RecordCollected:
    with house.services.ledger.transaction() as tx:
        return tx.case(case).records[line(house, case).chosen]


def test_a_correction_takes_the_place_of_what_came_before_it_whichever_way(house: House):
    chart = house.a_patient(slices=2)
    case = an_open_case(house, chart)
    assert line(house, case).state is NeedState.SATISFIED  # the office has a copy
    for status in ("P", "F", "C"):
        deliver(house, a_report(chart, status=status))
        process_all(house.services)
    assert (chosen(house, case).institution, chosen(house, case).status) == ("prairie-pathology", "corrected")
    with house.services.ledger.transaction() as tx:
        folded = tx.case(case)
    left = {record.status for name, record in folded.records.items()
            if record.document == "pathology-report" and name not in folded.superseded}  # fmt: skip
    assert left == {"corrected"}

    deliver(house, a_report(chart))  # the old final one once more, under another number
    process_all(house.services)
    assert chosen(house, case).status == "corrected"


def test_a_preliminary_report_does_not_answer_the_line_and_the_final_one_does(house: House):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="empty")
    case = an_open_case(house, chart)
    deliver(house, a_report(chart, status="P"))
    process_all(house.services)
    assert line(house, case).state is NeedState.RECEIVED
    deliver(house, a_report(chart))
    process_all(house.services)
    assert line(house, case).state is NeedState.SATISFIED
    assert chosen(house, case).status == "final"


@pytest.mark.parametrize("copy", ["no copy", "a copy before", "a copy after", "sent again"])
def test_a_withdrawn_report_answers_nothing_any_more(house: House, copy: str):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="normal" if copy == "a copy before" else "empty")
    case = an_open_case(house, chart)
    deliver(house, a_report(chart))
    process_all(house.services)
    assert line(house, case).state is NeedState.SATISFIED
    assert deliver(house, withdrawn(chart)) == ["AA"]
    process_all(house.services)
    if copy == "sent again":
        deliver(house, a_report(chart))  # under another control id
        process_all(house.services)
    if copy == "a copy after":
        house.behave("oncology", answer="normal")
        with house.services.ledger.transaction() as tx:
            office = tx.value("SELECT request FROM requests WHERE case_id = %s AND department = 'records-office'", case)
        desk.answer_request(house.services, office, desk.RequestAnswer.AGAIN, actor=NURSE)
        process_all(house.services)
    kinds = {record.document for record in records_from(house, case, "lakeside-oncology")}
    assert ("pathology-report" in kinds) == copy.startswith("a copy")
    assert line(house, case).state is NeedState.MISSING
    assert line(house, case).chosen is None
    assert "approve-partial" not in house.holds(case) or house.assessment(case).step == "wait"
