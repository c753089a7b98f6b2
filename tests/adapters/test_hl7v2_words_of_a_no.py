"""What says no in words is read: the look that comes before reading knows each of the words."""

from itertools import product

import pytest

from tests.kit.scripted_fhir import LAKESIDE
from transfer.adapters import enclosed, hl7v2
from transfer.adapters.hl7v2.objections import _BLOCK
from transfer.adapters.opening import heard
from transfer.objections import is_refused, refuses_in_words

HEAD = "MSH|^~\\&|A|B|||20260102||ORU^R01|1|P|2.5.1\rPID|1||42^^^LIS^MR||Doe^Jane||19600102|F\r"
SENTENCES = [
    *map(
        " ".join,
        product(
            (
                "I do not want you to",
                "She doesn't agree to",
                "They don\u2019t wish us to",
                "We no longer allow you to",
                "declines to",
            ),
            ("release", "disclose", "share", "send", "exchange"),
            (
                "my records",
                "any information",
                "extraordinarily comprehensive multidisciplinary gastroenterological results",
            ),
        ),
    ),
    "Patient declines HIE",
    "Patient refuses health information exchange",
    "I revoke my authorization",
    "The authorization has been withdrawn",
    "He does not want records of his to be sent out, and no sharing",
]
RESULTS = [
    ("59284-0^^LN", "N^Declined"),
    ("64292-6^^LN", "Denied"),
    ("X^Information sharing^L", "Denied"),
    ("X^Consent status^L", "The patient was asked twice and " + "at length " * 20 + "denied"),
    ("X^HIE consent form^L", "Opted out"),
]


@pytest.mark.parametrize("said", [one for one in SENTENCES if refuses_in_words(one)])
def test_a_sentence_that_says_no_is_read(said):
    segment = f"NTE|1||{said}\r"

    assert enclosed.against((HEAD + segment).encode(), LAKESIDE)
    assert enclosed.against((HEAD + segment.upper()).encode(), LAKESIDE)
    assert heard.may_refuse(said.encode())


def test_nearly_all_of_the_sentences_say_no():
    assert len([one for one in SENTENCES if refuses_in_words(one)]) > len(SENTENCES) * 3 // 4


@pytest.mark.parametrize(("called", "value"), RESULTS)
def test_a_result_that_is_a_refused_consent_is_read(called, value):
    assert is_refused([called], [value])

    assert enclosed.against(f"{HEAD}OBX|1|ST|{called}||{value}||||||F\r".encode(), LAKESIDE)


def test_a_note_about_a_patient_who_denies_pain_costs_no_reading():
    assert not hl7v2.may_object(
        [f"{HEAD}OBX|1|TX|N^Note^L||Patient denies pain.\rNTE|1||Consent for surgery\r".encode()]
    )


def around_blocks(before: int, length: int) -> range:
    """How much to put in front, so that each byte of what is so long comes to stand at the end of a block."""
    return range(_BLOCK - before - length, _BLOCK - before + 1)


SAID = ["|I revoke my authorization", "|59284-0^^LN||N^Declined", "|Patient declines HIE"]
AFTER = ["", "\r", "+" * 3 * _BLOCK, "\rOBX|9|ED|D^^L||^TEXT^^Base64^" + "QUJD" * 16_000]


@pytest.mark.parametrize(("said", "after"), [*product(SAID, AFTER), ("(revoked)", "|")])
def test_a_no_is_seen_wherever_it_stands_beside_documents(said, after):
    opened = f"{HEAD}OBX|1|ED|D^Document^L||^TEXT^^Base64^"
    for filled in around_blocks(len(opened), len(said)):
        message = f"{opened}{'B' * (filled + 3 * _BLOCK)}{said}{after}".encode()

        assert hl7v2.may_object([message])
        assert hl7v2.may_object(message[at : at + 65_536] for at in range(0, len(message), 65_536))


def test_a_no_of_two_ends_of_a_segment_is_seen_over_the_document_between():
    assert hl7v2.may_object([f"{HEAD}OBX|1|ED|Consent^^L||{'B' * 20 * _BLOCK}||denied".encode()])


def test_a_long_document_is_not_searched_for_words():
    document = "B" * 2 * _BLOCK + "DENIEDRELEASE" * 20_000 + "B" * 2 * _BLOCK  # letters of base64

    assert not hl7v2.may_object([f"{HEAD}OBX|1|ED|D^Document^L||^TEXT^^Base64^{document}\r".encode()])


def in_lines(*lines: str, kind: str = "TX") -> bytes:
    segments = [f"OBX|{number}|{kind}|T^Letter^L||{line}" for number, line in enumerate(lines, 1)]
    return (HEAD + "TXA|1|CN|TX\r" + "\r".join([*segments, ""])).encode()


@pytest.mark.parametrize(
    "lines",
    [
        ("Dear Sirs,", "I hereby revoke my", "authorization to release records."),
        ("I no longer want my", "records sent to the center"),
        ("HEREWITH AND WITH EFFECT FROM TODAY ON I REVOKE MY EARLIER", "AUTHORIZATION TO DISCLOSE INFORMATION"),
        ("Seen today. She asks that no", "further records be sent to the center."),
    ],
)
def test_a_sentence_goes_on_in_the_next_line(lines):
    assert refuses_in_words("\r\n".join(lines))
    for message in (
        in_lines(*lines),
        in_lines("~".join(lines)),
        (HEAD + "".join(f"NTE|{number}||{line}\r" for number, line in enumerate(lines))).encode(),
    ):
        (found,) = enclosed.against(message, LAKESIDE)
        assert found.patients


@pytest.mark.parametrize(
    "lines",
    [
        ("Patient declined", "Release of information signed"),
        ("Refused flu shot.", "release of information signed"),
        ("FLU SHOT DECLINED", "RELEASE OF INFORMATION SIGNED"),
    ],
)
def test_lines_of_their_own_are_no_sentence_together(lines):
    assert not refuses_in_words("\n".join(lines))
    assert enclosed.against(in_lines(*lines), LAKESIDE) == ()


def test_values_of_different_questions_are_no_sentence_together():
    values = (
        "OBX|1|ST|1^Smoking advice^L||declined\rOBX|2|ST|2^Papers^L||release of information given\r"
        "NTE|1||declined\rOBX|3|CWE|3^Papers^L||release of information form given\r"
    )

    assert enclosed.against((HEAD + values).encode(), LAKESIDE) == ()
