"""An archive that speaks DIMSE and lies, dies, is silent or never ends: our error, in bounded time and memory."""

import logging
import socket
import struct
import threading
import time
import tracemalloc
from itertools import pairwise

import pytest
from pynetdicom.dsutils import encode

from tests.kit.fakes import MemoryVault
from tests.kit.scripted_archive import JANE, MERCY, SERIES, STUDY, image, uid
from tests.kit.scripted_dimse import (
    ABORT,
    CT,
    FIND,
    GET,
    IMPLICIT,
    ScriptedDimse,
    Talk,
    body_of,
    pdu,
    pdv,
    said,
    scripted_dimse,
)
from tests.kit.series import missing
from transfer.adapters.dicom import DicomLimits
from transfer.adapters.dimse import DimseClient, DimsePeer, DimseTimeouts, identifier
from transfer.adapters.dimse.connection import connected
from transfer.adapters.dimse.negotiation import storage
from transfer.errors import (
    ChangedMeanwhile,
    CutShort,
    TooLarge,
    TransferError,
    TurnedAway,
    Unexpected,
    Unreachable,
    Unreadable,
)
from transfer.patients import Demographics, IssuedIdentifier
from transfer.sources import Ending

pytestmark = pytest.mark.servers

QUICK = DimseTimeouts(connect=2, associate=1, stall=0.3, listing=2, quiet=0.5, deadline=20, release=0.3)
MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def archive():
    before = {thread.ident for thread in threading.enumerate()}
    with scripted_dimse() as archive:
        yield archive
    assert {thread.ident for thread in threading.enumerate()} <= before


@pytest.fixture
def vault():
    return MemoryVault()


@pytest.fixture
def client(archive):
    return asking(archive)


def asking(archive, timeouts=QUICK, **limits):
    peer = DimsePeer(host="127.0.0.1", port=archive.port, called_ae_title="FILMROOM", calling_ae_title="TRANSFER")
    return DimseClient(peer, timeouts=timeouts, limits=DicomLimits(**limits))


def fetch(client, vault, expected, wanted=None, keep_going=lambda: None):
    return client.fetch_series(
        STUDY, SERIES, expected=expected, wanted=wanted, institution=MERCY, vault=vault, keep_going=keep_going
    )


def raw(archive: ScriptedDimse, *pieces: bytes, then=None):
    """Instead of an answer: these bytes, and then silence, or what `then` does."""

    def say(talk: Talk, *_):
        for piece in pieces:
            talk.send(piece)
        if then:
            then(talk)
        archive.stopping.wait(10)

    archive.finding = archive.getting = say


def getting(archive, act):
    """C-GET is answered by `act`; C-FIND honestly."""
    archive.getting = act


# --- proposing ----------------------------------------


def test_each_instance_can_come_in_the_transfer_syntax_it_is_stored_in(archive, client, vault):
    expected = archive.serve_series([image(1)])

    fetch(client, vault, expected)

    proposed = archive.proposals[-1].to_primitive().presentation_context_definition_list
    for_images = [one for one in proposed if one.abstract_syntax == MR]
    assert all(len(one.transfer_syntax) == 1 for one in for_images)
    assert {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"} <= {
        one.transfer_syntax[0] for one in for_images
    }
    assert not any("JPIP" in one.transfer_syntax[0].name for one in for_images)
    roles = archive.proposals[-1].user_information.role_selection
    assert {name: (role.scu_role, role.scp_role) for name, role in roles.items()} == {MR: (False, True)}


@pytest.mark.parametrize("count", [0, 1, 4, 5, 40, 127, 300])
def test_there_is_never_more_proposed_than_an_association_takes(count):
    contexts = storage(f"1.2.{n}" for n in range(count))

    assert 0 < len(contexts) <= 127
    assert len({context.abstract_syntax for context in contexts}) == min(count, 127) or count == 0


def test_an_archive_that_does_not_say_what_its_images_are_is_offered_the_usual_kinds(archive, client, vault):
    expected = archive.serve_series([image(1)])
    for answer in archive.finds["IMAGE"]:
        del answer.SOPClassUID
    archive.agrees = lambda one: True
    getting(archive, lambda talk, context, asked, _: talk.say(context, talk.answer(asked, 0)))

    assert fetch(client, vault, expected) is None
    offered = {str(one.abstract_syntax) for one in archive.proposals[-1].presentation_context}
    assert {MR, CT, "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.481.3"} <= offered


def test_we_say_who_we_are_and_whom_we_call(archive, client):
    client.series(STUDY)

    (asked,) = archive.proposals
    assert (asked.called_ae_title.strip(), asked.calling_ae_title.strip()) == ("FILMROOM", "TRANSFER")


def test_what_we_say_is_sent_at_once(archive):
    """Else each image waits 40 ms for the acknowledgement of the one before."""
    with connected("127.0.0.1", archive.port, None, 2) as line:
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("result", "source", "reason", "ours"),
    [
        (1, 1, 7, TurnedAway),
        (1, 1, 3, TurnedAway),
        (1, 1, 1, TurnedAway),
        (2, 1, 1, Unreachable),
        (2, 3, 1, Unreachable),
        (1, 3, 2, Unreachable),
        (1, 1, 2, Unexpected),
        (1, 2, 2, Unexpected),
        (9, 9, 9, Unexpected),
    ],
)
def test_an_association_refused_is_an_error_by_its_reason(archive, client, result, source, reason, ours):
    archive.associating = lambda talk: (talk.read(), talk.send(pdu(3, bytes([0, result, source, reason]))))

    with pytest.raises(TransferError) as failure:
        client.series(STUDY)
    assert type(failure.value) is ours


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Unexpected),
        (pdu(2, b"", says=0xFFFFFFFF), Unexpected),
        (pdu(2, bytes(68)), Unexpected),
        (pdu(2, b"\xff" * 5000), Unexpected),
        (pdu(2, struct.pack(">HH64x", 1, 0) + struct.pack(">BBH", 0x21, 0, 0xFFFF)), Unexpected),
        (pdu(4, bytes(10)), Unexpected),
        (pdu(3, b""), Unexpected),
        (ABORT, Unreachable),
        (b"", Unreachable),
        (b"\2", Unreachable),
    ],
)
def test_an_answer_to_our_proposal_that_is_none_is_told_apart(archive, client, answer, ours):
    archive.associating = lambda talk: (talk.read(), talk.send(answer), archive.stopping.wait(10))
    begun = time.monotonic()

    with pytest.raises(TransferError) as failure:
        client.series(STUDY)
    assert type(failure.value) is ours
    assert time.monotonic() - begun < 6


def test_an_answer_that_drips_is_not_waited_for(archive, client):
    def drip(talk):
        talk.read()
        for _ in range(100):
            talk.send(b"\2")
            time.sleep(0.1)

    archive.associating = drip
    begun = time.monotonic()

    with pytest.raises((Unreachable, Unexpected)):
        client.series(STUDY)
    assert time.monotonic() - begun < 6


@pytest.mark.parametrize("without", [FIND, GET, MR])
def test_an_archive_without_what_is_needed_is_unexpected(archive, client, vault, without):
    expected = archive.serve_series([image(1)])
    archive.agrees = lambda one: one.abstract_syntax != without

    with pytest.raises(Unexpected):
        fetch(client, vault, expected)
    assert vault.objects == {}


@pytest.mark.parametrize("lie", ["another transfer syntax", "a room for nothing"])
def test_an_archive_that_agrees_to_what_was_not_proposed_is_unexpected(archive, client, lie):
    if lie == "a room for nothing":
        archive.reads = 7
    else:
        archive.gives = "1.2.840.10008.1.2.1"

    with pytest.raises(Unexpected):
        client.series(STUDY)
    assert archive.asked == []


# --- finding ----------------------------------------


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (0xA700, Unreachable),
        (0xA900, Unexpected),
        (0xC000, Unreachable),
        (0xC123, Unreachable),
        (0x0110, Unreachable),
        (0x0122, Unexpected),
        (0x0124, TurnedAway),
        (0xFE00, Unreachable),
        (0xB000, Unexpected),
        (0x1234, Unexpected),
    ],
)
def test_every_status_of_a_search_is_told_apart(archive, client, status, ours):
    archive.finding = lambda talk, context, asked, _: talk.found(context, asked, [said(SOPInstanceUID="1.2")], status)

    with pytest.raises(TransferError, match=f"{status:04X}") as failure:
        client.instances(STUDY, SERIES)
    assert type(failure.value) is ours


def test_a_number_is_asked_for_with_the_issuer_as_the_archive_spells_it(archive, client):
    client.studies(JANE, MERCY)

    by_number, *by_name = archive.asked
    assert (by_number.PatientID, by_number.IssuerOfPatientID, by_number.PatientName) == ("M-17", "MERCY", "")
    assert [(str(one.PatientName), one.PatientBirthDate, one.PatientID) for one in by_name] == [
        ("DOE*", "19600102", ""),
        ("Doe*", "19600102", ""),
    ]


def test_the_issuer_of_an_accession_number_is_the_one_the_archive_states(archive, client):
    stated = said(LocalNamespaceEntityID="RIS")
    archive.finds["STUDY"] = [
        said(
            StudyInstanceUID=STUDY,
            PatientID="M-17",
            AccessionNumber="A-99",
            IssuerOfAccessionNumberSequence=[stated],
        )
    ]

    (study,) = client.studies(JANE, MERCY)

    assert ("urn:x-institution:mercy-imaging:RIS", "A-99") in [(one.issuer, one.value) for one in study.identifiers]


def test_a_name_in_another_script_is_read_in_its_character_set(archive, client):
    found = said(SpecificCharacterSet="ISO_IR 144", StudyInstanceUID=STUDY, PatientID="M-17", PatientName="Люкceмбypг")
    archive.finds["STUDY"] = [found]

    (study,) = client.studies(JANE, MERCY)

    assert study.patient.names[0].family == "Люкceмбypг"


def test_series_and_images_of_another_study_are_dropped(archive, client):
    archive.finds["SERIES"] = [
        said(StudyInstanceUID=STUDY, SeriesInstanceUID="1.2"),
        said(StudyInstanceUID="9.9", SeriesInstanceUID="1.3"),
    ]
    archive.finds["IMAGE"] = [
        said(SOPInstanceUID="1.4", SeriesInstanceUID=SERIES),
        said(SOPInstanceUID="1.5", SeriesInstanceUID="9.9"),
    ]

    assert [one.uid for one in client.series(STUDY)] == ["1.2"]
    assert client.instances(STUDY, SERIES) == {"1.4"}


@pytest.mark.parametrize("listed", [said(Modality="CT"), said(SOPInstanceUID="", Modality="CT")])
def test_a_list_of_something_without_its_uid_is_unexpected(archive, client, listed):
    archive.finds["IMAGE"] = [listed]

    with pytest.raises(Unexpected):
        client.instances(STUDY, SERIES)


def test_a_list_without_end_is_stopped(archive):
    def endless(talk, context, asked, _):
        number = 0
        while True:
            number += 1
            talk.say(context, talk.answer(asked, 0xFF00), encode(said(SOPInstanceUID=f"1.2.{number}"), *IMPLICIT))

    archive.finding = endless

    with pytest.raises(TooLarge):
        asking(archive, entries=50).instances(STUDY, SERIES)
    assert archive.sent < 1 << 20


def test_a_list_of_more_than_is_held_is_stopped(archive, client, monkeypatch):
    monkeypatch.setattr("transfer.adapters.dimse.client._MOST_ANSWERS", 500)
    archive.finds["IMAGE"] = [said(SOPInstanceUID=f"1.2.{n}") for n in range(100)]

    with pytest.raises(TooLarge):
        client.instances(STUDY, SERIES)


def test_text_is_padded_with_spaces_and_a_uid_with_zero(archive, client):
    client.studies(Demographics(identifiers=(IssuedIdentifier("urn:oid:1.2.840.1", "M17"),)), MERCY)
    client.series("1.2.3")

    assert identifier.find("STUDY", {"PatientID": "M17"}).count(b"M17 ") == 1
    assert identifier.find("SERIES", {"StudyInstanceUID": "1.2.3"}).count(b"1.2.3\0") == 1
    assert [archive.asked[0].PatientID, archive.asked[-1].StudyInstanceUID] == ["M17", "1.2.3"]


def test_a_list_that_drips_is_not_waited_for(archive):
    def dripping(talk, context, asked, _):
        while True:
            time.sleep(0.1)
            talk.say(context, talk.answer(asked, 0xFF00), encode(said(SOPInstanceUID="1.2"), *IMPLICIT))

    archive.finding = dripping
    begun = time.monotonic()

    with pytest.raises(Unreachable):
        asking(archive, DimseTimeouts(listing=0.5, release=0.1)).instances(STUDY, SERIES)
    assert time.monotonic() - begun < 6


# --- what is no message ----------------------------------------


def command(**values):
    encoded = encode(said(**values), *IMPLICIT)
    return struct.pack("<HHII", 0, 0, 4, len(encoded)) + encoded


def answers(field, number):
    """A final answer, of success."""
    return command(CommandField=field, MessageIDBeingRespondedTo=number, Status=0, CommandDataSetType=0x0101)


#: items in items, each of undefined length, in the Issuer of Accession Number Sequence
DEEP = b"\x08\x00\x51\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 900
PENDING = command(CommandField=0x8020, MessageIDBeingRespondedTo=1, Status=0xFF00, CommandDataSetType=1)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pdu(4, b"", says=0xFFFFFFFF),
        pdu(4, b"", says=200_000),
        pdu(4, b""),
        pdu(4, b"\0\0\0"),
        pdu(4, pdv(1, 3, PENDING, says=0xFFFFFFF0)),
        pdu(4, pdv(1, 3, PENDING, says=len(PENDING) + 200)),
        pdu(4, pdv(1, 3, b"", says=1)),
        pdu(4, pdv(3, 3, PENDING)),
        pdu(4, pdv(255, 3, PENDING)),
        pdu(4, pdv(1, 2, PENDING)),
        pdu(4, pdv(1, 3, PENDING) + pdv(1, 3, PENDING)),
        pdu(4, pdv(1, 3, PENDING) + pdv(3, 2, b"")),
        pdu(4, pdv(1, 3, b"\xff" * 40)),
        pdu(4, pdv(1, 3, b"")),
        pdu(4, pdv(1, 3, answers(0x8020, 7))),
        pdu(4, pdv(1, 3, command(CommandField=0x8020, MessageIDBeingRespondedTo=1, CommandDataSetType=0x0101))),
        pdu(4, pdv(1, 3, answers(0x8030, 1))),
        pdu(4, pdv(1, 3, command(CommandField=1, MessageID=1, CommandDataSetType=1)) + pdv(1, 2, b"")),
        pdu(4, pdv(1, 3, PENDING) + pdv(1, 2, b"\x08\x00\x18\x00\xff\xff\x00\x00")),
        pdu(4, pdv(1, 3, PENDING) + pdv(1, 2, DEEP)),
        pdu(1, bytes(68)),
        pdu(6, bytes(4)),
        pdu(2, bytes(68)),
        pdu(0x55, bytes(4)),
    ],
)  # fmt: skip
def test_what_is_no_message_is_unexpected(archive, client, nonsense):
    raw(archive, nonsense)

    with pytest.raises(Unexpected):
        client.instances(STUDY, SERIES)
    assert archive.connections == 1


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (pdu(4, pdv(1, 1, PENDING[:20])), pdu(4, pdv(1, 1, b""))),
        (b"", pdu(4, pdv(1, 1, bytes(1000)))),
        (pdu(4, pdv(1, 3, PENDING)), pdu(4, pdv(1, 0, b""))),
        (pdu(4, pdv(1, 3, PENDING)), pdu(4, pdv(1, 0, bytes(10_000)))),
        (b"", pdu(4, pdv(1, 3, PENDING) + pdv(1, 2, b""))),
    ],
    ids=["empty fragments of a command", "command", "empty fragments", "answer", "answers with nothing in them"],
)
def test_what_never_ends_is_stopped_before_it_grows(archive, client, first, again):
    def for_ever(talk):
        while True:
            talk.send(again * 50)

    raw(archive, first, then=for_ever)
    tracemalloc.start()
    try:
        with pytest.raises((Unexpected, TooLarge)):
            client.instances(STUDY, SERIES)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("end", [ABORT, pdu(5, bytes(4)), b""], ids=["abort", "release", "silence"])
def test_an_archive_that_leaves_before_its_list_ended_is_unreachable(archive, client, end):
    raw(archive, pdu(4, pdv(1, 3, PENDING) + pdv(1, 2, encode(said(SOPInstanceUID="1.2"), *IMPLICIT))), end)

    with pytest.raises(Unreachable):
        client.instances(STUDY, SERIES)


def test_an_error_says_nothing_that_the_archive_said(archive, client):
    def chatty(talk, context, asked, _):
        answer = talk.answer(asked, 0xC001)
        answer.ErrorComment = "no such ZWIEBELKUCHEN"
        talk.say(context, answer)

    archive.finding = chatty

    with pytest.raises(Unreachable) as failure:
        client.instances(STUDY, SERIES)
    assert "ZWIEBEL" not in str(failure.value)
    assert failure.value.__cause__ is None


# --- fetching ----------------------------------------


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (0xA701, Unreachable),
        (0xA702, Unreachable),
        (0xA900, Unexpected),
        (0xB000, CutShort),
        (0xC000, Unreachable),
        (0x0124, TurnedAway),
        (0xFE00, Unreachable),
    ],
)
def test_every_status_of_a_retrieve_is_told_apart(archive, client, vault, status, ours):
    expected = archive.serve_series([image(1)])
    getting(archive, lambda talk, context, asked, _: talk.say(context, talk.answer(asked, status)))

    with pytest.raises(TransferError) as failure:
        fetch(client, vault, expected)
    assert type(failure.value) is ours
    assert vault.objects == {}


@pytest.mark.parametrize("status", [0xB000, 0xA702, 0xC000])
def test_an_archive_that_says_that_some_failed_is_not_taken_to_be_complete(archive, client, vault, status):
    expected = archive.serve_series([image(1), image(2)])

    def some(talk, context, asked, identifier):
        for file in archive.chosen(identifier):
            talk.store(file)
        failed = said(FailedSOPInstanceUIDList=[uid(2)])
        talk.say(context, talk.answer(asked, status), encode(failed, *IMPLICIT))

    getting(archive, some)

    found = fetch(client, vault, expected)

    assert (found.instances, found.complete, found.ending) == (expected, False, Ending.IN_PART)


def test_a_success_without_all_of_them_is_not_complete(archive, client, vault):
    expected = archive.serve_series([image(1), image(2)])
    archive.files = archive.files[:1]

    found = fetch(client, vault, expected)

    assert (found.complete, found.ending, missing(expected, found)) == (False, Ending.CLOSED, {uid(2)})


def test_many_that_are_missing_are_asked_for_a_hundred_at_a_time(archive, client, vault):
    expected = archive.serve_series([image(n) for n in range(1, 231)])
    wanted = expected - {uid(1)}

    found = fetch(client, vault, expected, wanted=wanted)

    assert (found.complete, found.instances) == (True, wanted)
    pieces = [one.SOPInstanceUID for one in archive.asked if "SOPInstanceUID" in one and one.SOPInstanceUID]
    assert [len(piece) for piece in pieces] == [100, 100, 29]
    assert {one.SeriesInstanceUID for one in archive.asked} == {SERIES}


@pytest.mark.parametrize("ends", ["abort", "close", "silence"])
def test_a_broken_association_leaves_what_came_whole(archive, client, vault, ends):
    files = [image(1), image(2, pixels=50_000)]
    expected = archive.serve_series(files)

    def broken(talk, *_):
        talk.store(files[0])
        head, body, syntax = body_of(files[1])
        of = talk.contexts[str(head.SOPClassUID), syntax]
        named = {"AffectedSOPClassUID": MR, "AffectedSOPInstanceUID": uid(2)}
        talk.send(pdu(4, pdv(of, 3, command(CommandField=1, MessageID=2, CommandDataSetType=1, **named))))
        talk.send(pdu(4, pdv(of, 0, body[:20_000])))
        if ends == "abort":
            talk.send(ABORT)
        elif ends == "silence":
            archive.stopping.wait(5)
        talk.connection.close()

    getting(archive, broken)

    found = fetch(client, vault, expected)

    assert (found.instances, found.complete) == ({uid(1)}, False)
    assert found.ending is (Ending.STALLED if ends == "silence" else Ending.DIED)
    assert len(vault.objects) == 1


def test_a_fetch_that_takes_too_long_in_all_is_left_with_what_came(archive, vault):
    files = [image(n) for n in range(1, 60)]
    expected = archive.serve_series(files)

    def slowly(talk, context, asked, identifier):
        for file in files:
            talk.store(file)
            time.sleep(0.05)

    getting(archive, slowly)

    found = fetch(asking(archive, DimseTimeouts(deadline=0.6, release=0.1)), vault, expected)

    assert found.ending is Ending.OUT_OF_TIME
    assert 1 <= len(found.index) < 59


def test_an_archive_that_only_says_that_it_works_on_it_is_left(archive, client, vault):
    expected = archive.serve_series([image(1)])

    def busy(talk, context, asked, _):
        while True:
            talk.say(context, talk.answer(asked, 0xFF00))
            time.sleep(0.05)

    getting(archive, busy)
    begun = time.monotonic()

    with pytest.raises(CutShort):
        fetch(client, vault, expected)
    assert time.monotonic() - begun < 6


def test_messages_without_end_are_stopped(archive, vault):
    expected = archive.serve_series([image(1)])

    def busy(talk, context, asked, _):
        while True:
            talk.say(context, talk.answer(asked, 0xFF00))

    getting(archive, busy)

    with pytest.raises(TooLarge):
        fetch(asking(archive, parts=500), vault, expected)


def test_an_archive_that_does_not_wait_for_our_answers_is_slowed_by_the_socket_alone(archive, client, vault):
    files = [image(n, pixels=20_000) for n in range(1, 100)]
    expected = archive.serve_series(files)

    def at_once(talk, context, asked, _):
        for file in files:
            talk.store(file, waits=False)
        talk.say(context, talk.answer(asked, 0))

    getting(archive, at_once)

    assert fetch(client, vault, expected).complete


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(
    "changed",
    [
        {"AffectedSOPInstanceUID": None},
        {"AffectedSOPClassUID": None},
        {"AffectedSOPInstanceUID": "1.2."},
        {"CommandDataSetType": 0x0101},
        {"MessageID": None},
    ],
)
def test_an_instance_without_what_makes_it_one_is_unexpected(archive, client, vault, changed):
    expected = archive.serve_series([image(1)])
    values = {
        "AffectedSOPClassUID": MR,
        "CommandField": 1,
        "MessageID": 1,
        "AffectedSOPInstanceUID": uid(1),
        "CommandDataSetType": 1,
    } | changed

    def lame(talk, *_):
        made = command(**{keyword: value for keyword, value in values.items() if value is not None})
        talk.send(pdu(4, pdv(talk.contexts[MR, "1.2.840.10008.1.2"], 3, made)))
        archive.stopping.wait(3)

    getting(archive, lame)

    with pytest.raises(Unexpected):
        fetch(client, vault, expected)
    assert vault.objects == {}


def test_an_instance_that_is_called_otherwise_than_it_says_is_no_use_and_the_archive_is_told(archive, client, vault):
    files = [image(1), image(2)]
    expected = archive.serve_series(files)
    answers = []

    def swapped(talk, context, asked, _):
        answers.append(talk.store(files[0]).Status)
        answers.append(talk.store(files[1], called=uid(9)).Status)
        talk.say(context, talk.answer(asked, 0))

    getting(archive, swapped)

    found = fetch(client, vault, expected)

    assert answers == [0, 0xC000]
    assert (found.unreadable, found.instances, found.complete) == (1, {uid(1)}, False)


def test_an_instance_whose_data_come_in_another_context_is_unexpected(archive, client, vault):
    expected = archive.serve_series([image(1)])

    def astray(talk, *_):
        one, other = (talk.contexts[MR, syntax] for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"))
        named = {"AffectedSOPClassUID": MR, "AffectedSOPInstanceUID": uid(1)}
        talk.send(pdu(4, pdv(one, 3, command(CommandField=1, MessageID=1, CommandDataSetType=1, **named))))
        talk.send(pdu(4, pdv(other, 2, body_of(archive.files[0])[1])))
        archive.stopping.wait(3)

    getting(archive, astray)

    with pytest.raises(Unexpected):
        fetch(client, vault, expected)
    assert vault.objects == {}


def test_nothing_but_rubbish_is_unreadable_and_nothing_is_kept(archive, client, vault):
    expected = archive.serve_series([image(1)])

    def rubbish(talk, context, asked, _):
        talk.say(talk.contexts[MR, "1.2.840.10008.1.2"], talk.storing(uid(1), MR), b"<error/>")
        talk.message()
        talk.say(context, talk.answer(asked, 0))

    getting(archive, rubbish)

    with pytest.raises(Unreadable):
        fetch(client, vault, expected)
    assert vault.objects == {}


@pytest.mark.parametrize(
    "limits", [{"instance": 10_000}, {"series": 40_000}, {"parts": 3}], ids=lambda it: next(iter(it))
)
def test_beyond_what_is_taken_of_a_series_it_is_refused_and_nothing_is_kept(archive, vault, limits):
    expected = archive.serve_series([image(n, pixels=15_000) for n in range(1, 5)])

    with pytest.raises(TooLarge):
        fetch(asking(archive, **limits), vault, expected)
    assert vault.objects == {}
    assert archive.left.wait(2)


def test_a_large_image_passes_through_a_nameless_file_unchanged(archive, vault):
    files = [image(1), image(2, pixels=200_000), image(3)]
    expected = archive.serve_series(files)

    found = fetch(asking(archive, in_memory=30_000), vault, expected)

    assert found.complete
    for entry, file in zip(found.index, files, strict=True):
        assert b"".join(vault.read(found.locate(entry))).endswith(body_of(file)[1])


def test_a_revocation_stops_the_bytes_at_once_and_the_archive_is_told(archive, client, vault):
    expected = archive.serve_series([image(n, pixels=400_000) for n in range(60)])
    looks = []

    def keep_going():
        looks.append(archive.sent)
        if len(looks) == 8:
            raise ChangedMeanwhile("the epoch moved")

    with pytest.raises(ChangedMeanwhile):
        fetch(client, vault, expected, keep_going=keep_going)

    assert vault.objects == {}
    assert archive.left.wait(2)
    assert archive.sent < 20 << 20


def test_it_is_looked_every_second_whether_to_go_on_while_the_archive_is_silent(archive, vault):
    expected = archive.serve_series([image(1)])
    raw(archive)
    archive.finding = None
    looks = []

    def keep_going():
        looks.append(time.monotonic())
        if len(looks) == 4:
            raise ChangedMeanwhile("the epoch moved")

    with pytest.raises(ChangedMeanwhile):
        fetch(asking(archive, DimseTimeouts()), vault, expected, keep_going=keep_going)
    assert max(b - a for a, b in pairwise(looks)) < 1


def test_an_archive_that_does_not_let_go_does_not_spoil_what_it_sent(archive, vault):
    expected = archive.serve_series([image(1)])

    def clinging(talk, context, asked, identifier):
        talk.store(archive.files[0])
        talk.say(context, talk.answer(asked, 0))
        talk.read()
        archive.stopping.wait(10)

    getting(archive, clinging)
    begun = time.monotonic()

    assert fetch(asking(archive, QUICK), vault, expected).complete
    assert time.monotonic() - begun < 6


def test_nothing_of_the_patient_is_logged_by_us_or_by_a_library(archive, client, vault, caplog):
    expected = archive.serve_series([image(1)])
    patient = {"PatientID": "M-17", "PatientName": "DOE^JANE", "PatientBirthDate": "19600102"}
    archive.finds["STUDY"] = [said(StudyInstanceUID=STUDY, IssuerOfPatientID="MERCY", **patient)]
    caplog.set_level(logging.DEBUG)

    assert len(client.studies(JANE, MERCY)) == 1
    assert fetch(client, vault, expected).complete
    archive.associating = lambda talk: (talk.read(), talk.send(pdu(2, b"DOE^JANE M-17" * 20)))
    with pytest.raises(Unexpected):
        client.studies(JANE, MERCY)

    assert not any(word in caplog.text for word in ("DOE", "Doe", "M-17", "19600102", STUDY))
