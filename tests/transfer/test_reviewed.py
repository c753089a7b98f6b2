"""A mistake in a reviewed file is told by its file and line, and what stands there is not repeated."""

import pytest

from transfer import reviewed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id: one\nname: [", "x.yaml: line 2: "),
        ("id: &a [one]\nname: *a", "x.yaml: line 2: an alias"),
        ("id: one\n? {a: b}: c", "x.yaml: line 2: "),
        ("id: !!float _", "x.yaml: not the YAML of a reviewed file"),
        ("id: [one\nname: two", r"x.yaml: line 2: did not find expected ',' or ']'$"),
        ("id: 2026-99-99", "x.yaml: not the YAML of a reviewed file"),
        ("id: \x00", "x.yaml: not the YAML of a reviewed file"),
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
