"""A multipart body is the same body whatever the pieces it comes in, and its end is only the closing delimiter."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transfer.adapters.dicomweb.multipart import MOST_HEADERS, MOST_PREAMBLE, Mark, Multipart, boundary_of
from transfer.errors import TooLarge, Unexpected

BOUNDARY = b"a-boundary"
HEADERS = b"Content-Type: application/dicom\r\n"
#: what a delimiter is made of, so that things that nearly are one are common
LOOKALIKES = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n--a-boundar", b"\r\n--a-boundary", b"x"]
)
CONTENTS = st.lists(st.one_of(st.binary(max_size=40), st.lists(LOOKALIKES, max_size=8).map(b"".join)), max_size=4)


def body_of(contents, *, headers=HEADERS, preamble=b"", boundary=BOUNDARY, padding=b""):
    parts = [b"--" + boundary + padding + b"\r\n" + headers + b"\r\n" + content + b"\r\n" for content in contents]
    return preamble + b"".join(parts) + b"--" + boundary + b"--"


def delimiters_in(contents):
    pattern = rb"\r\n--a-boundary(?:--|[ \t]{0,64}\r\n)"
    return any(re.search(pattern, b"\r\n" + content + b"\r\n--a-boundary\r\n"[: -len(b"\r\n")]) for content in contents)


def parsed(pieces, boundary=BOUNDARY):
    """The whole parts, and the parser as it ended."""
    body = Multipart(boundary)
    parts, current = [], None
    for piece in pieces:
        for event in body.feed(piece):
            if event is Mark.PART_BEGINS:
                current = []
            elif event is Mark.PART_ENDS:
                parts.append(b"".join(current))
                current = None
            else:
                current.append(bytes(event))
    return parts, body


def cut(data, cuts):
    ends = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(ends) if a < b]


@given(CONTENTS, st.lists(st.integers(0, 400), max_size=12))
def test_any_way_of_cutting_the_stream_gives_the_same_parts(contents, cuts):
    assume(not delimiters_in(contents))

    parts, body = parsed(cut(body_of(contents), cuts))

    assert parts == contents
    assert body.closed


@given(CONTENTS)
def test_byte_by_byte_too(contents):
    assume(not delimiters_in(contents))
    data = body_of(contents)

    assert parsed(cut(data, range(len(data))))[0] == contents


@given(CONTENTS, st.lists(st.integers(0, 400), max_size=4))
def test_a_stream_cut_off_anywhere_is_never_closed_and_loses_no_part_that_was_whole(contents, cuts):
    assume(not delimiters_in(contents))
    data = body_of(contents)
    # A part is whole with the last byte of the delimiter behind it, which the closing one shares its length with.
    whole_at = [len(body_of(contents[: number + 1])) for number in range(len(contents))]
    for at in range(len(data)):
        parts, body = parsed(cut(data[:at], cuts))

        assert not body.closed
        assert parts == contents[: sum(at >= whole for whole in whole_at)]


def test_what_only_begins_like_a_delimiter_is_content():
    contents = [b"a\r\n--a-boundaryx", b"\r\n--a-boundary-y\r\n--a-boundar"]

    assert parsed([body_of(contents)])[0] == contents


def test_a_delimiter_may_be_padded_and_parts_may_have_no_headers_and_words_around_them():
    data = body_of([b"one", b"two"], headers=b"", preamble=b"a preamble\r\n", padding=b" \t ") + b"\r\nan epilogue"

    parts, body = parsed([data])

    assert parts == [b"one", b"two"]
    assert body.closed


def test_nothing_after_the_closing_delimiter_is_a_part():
    parts, _ = parsed([body_of([b"one"]), b"\r\n" + body_of([b"two"])])

    assert parts == [b"one"]


def test_a_boundary_may_have_73_characters():
    boundary = b"x" * 73
    assert boundary_of(f'multipart/related; type="application/dicom"; boundary={boundary.decode()}') == boundary
    assert parsed([body_of([b"one"], boundary=boundary)], boundary)[0] == [b"one"]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/dicom",
        "text/html; boundary=x",
        "multipart/related",
        "multipart/related; boundary=",
        'multipart/related; boundary=""',
        f"multipart/related; boundary={'x' * 201}",
        "multipart/related; boundary=grün",
        'multipart/related; boundary="a\r\nX-Other: b"',
    ],
)
def test_an_answer_that_is_not_in_parts_is_unexpected(content_type):
    try:
        boundary = boundary_of(content_type)
    except Unexpected:
        return
    assert b"\r" not in boundary
    assert b"\n" not in boundary
    assert "X-Other" in content_type


@pytest.mark.parametrize(
    "text", ['boundary="a b"', "BOUNDARY=a-b", "start=1; boundary='x'", 'type="application/dicom"; boundary=a']
)
def test_a_boundary_is_read_however_it_is_written(text):
    assert boundary_of(f"Multipart/Related; {text}")


def test_endless_headers_are_not_waited_for():
    with pytest.raises(TooLarge):
        parsed([b"--a-boundary\r\n", *[b"X: y\r\n"] * MOST_HEADERS])


def test_an_endless_preamble_is_not_waited_for():
    with pytest.raises(Unexpected):
        parsed([b"<html>" * 1000] * (MOST_PREAMBLE // 6000 + 1))


def test_more_parts_than_are_taken_are_refused():
    body = Multipart(BOUNDARY, most_parts=2)

    with pytest.raises(TooLarge):
        list(body.feed(body_of([b"1", b"2", b"3"])))


def test_views_are_of_the_piece_itself_not_copies():
    piece = body_of([bytes(100_000)])

    views = [event for event in Multipart(BOUNDARY).feed(piece[:50_000]) if isinstance(event, memoryview)]

    assert len(views) == 1
    assert len(views[0].obj) >= 50_000
