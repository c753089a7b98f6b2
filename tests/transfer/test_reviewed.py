"""A mistake in a reviewed file is told by its file and line, and what stands there is not repeated."""

import pytest

from transfer import reviewed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id: one\nname: [", "x.yaml: line 2: "),
        ("id: &a [one]\nname: *a", "x.yaml: line 2: an alias"),
        ("id: one\n? {a: b}: c", "x.yaml: line 2: "),
        ("id: one\nname: !!float _", "x.yaml: line 2: a date or a number that is none"),
        ("id: [one\nname: two", r"x.yaml: line 2: did not find expected ',' or ']'; what is open began on line 1$"),
        ('id: "one\nname: two\nzone: three\n', r"x.yaml: line 3: .*; what is open began on line 1$"),
        ("id: {\nname: two\nzone: three\n", r"x.yaml: line 3: .*; what is open began on line 1$"),
        ("id: one\nname: 2026-99-99", "x.yaml: line 2: a date or a number that is none"),
        (f"id: one\nname: {'9' * 5000}", "x.yaml: line 2: a date or a number that is none"),
        ("id: one\nname: \x00", "x.yaml: line 2: a character that no text has"),
        ("[" * 600, "x.yaml: not the YAML of a reviewed file"),
    ],
)
def test_what_is_no_reviewed_file_says_where(tmp_path, text, told):
    file = tmp_path / "x.yaml"
    file.write_text(text)

    with pytest.raises(ValueError, match=told):
        reviewed.read(file)


def test_what_is_one_is_read(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("id: one\nlines: [{key: a}]\n")

    assert reviewed.read(file) == {"id": "one", "lines": [{"key": "a"}]}


def test_what_an_editor_or_a_copy_leaves_beside_a_file_is_none(tmp_path):
    (tmp_path / ".#x.yaml").symlink_to("engineer@host.1234")
    (tmp_path / "._x.yaml").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "x.yaml").write_text("id: one\n")

    assert reviewed.files(tmp_path) == [tmp_path / "x.yaml"]
