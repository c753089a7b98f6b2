"""What forms read and draw: nothing of what was sent is lost or taken for markup."""

from datetime import date, time

import pytest
from jinja2 import DictLoader, Environment

from tests.kit.desk_client import text_of
from transfer.pages import templating
from transfer.pages.forms import MAX_FIELDS, BadForm, Fields, Problems, fields_of

WHOSE = [("hers", "It is hers"), ("nobody", "Nobody's", "It is destroyed")]
FORM = """
{% import "forms.html" as forms with context %}
{{ forms.summary(problems) }}
{% call forms.form("/desk/x", "Send") %}
{{ forms.line("name", "Name", fields, problems, hint="As on the card") }}
{{ forms.note("note", "Note", fields, problems) }}
{{ forms.radios("answer", "Whose is it?", whose, fields, problems) }}
{{ forms.ticks("line", "Lines", [("a", "Notes"), ("b", "Slides")], fields, problems) }}
{{ forms.select("from", "From", [("x", "Mercy"), ("y", "Prairie")], fields, problems) }}
{{ forms.day("until", "Until", fields, problems) }}
{{ forms.kept(["hidden"], fields) }}
{% endcall %}
{{ forms.state("ready", "good") }}
"""


def drawn(fields: Fields, problems: Problems) -> str:
    around = templating.environment("transfer.pages")
    environment: Environment = around.overlay()
    environment.loader = DictLoader({"form": FORM, "forms.html": around.loader.get_source(around, "forms.html")[0]})
    return environment.get_template("form").render(fields=fields, problems=problems, token="t0ken", whose=WHOSE)


def test_what_was_sent_is_shown_again_as_text():
    sent = Fields(
        {
            "name": ['"><script>x'],
            "note": ["</textarea><b>"],
            "answer": ["nobody"],
            "line": ["b"],
            "from": ["y"],
            "until-month": ["12"],
            "hidden": ["<i>", "two"],
        }
    )

    page = drawn(sent, Problems())

    assert "<script>" not in page and "<b>" not in page and "<i>" not in page
    assert 'value="&#34;&gt;&lt;script&gt;x"' in page
    assert 'value="nobody" checked' in page and 'value="hers" checked' not in page
    assert 'value="b" checked' in page
    assert '<option value="y" selected>Prairie' in page
    assert 'name="until-month" inputmode="numeric" autocomplete="off" value="12"' in page
    assert page.count('type="hidden" name="hidden"') == 2
    assert '<input type="hidden" name="token" value="t0ken">' in page


def test_a_problem_stands_at_the_top_and_beside_its_field():
    problems = Problems()
    Fields().line("name", problems, needed="Say the name")
    Fields().one_of("answer", ("hers", "nobody"), problems, needed="Choose whose it is")
    Fields().day("until", problems, needed="Say until when")

    page = drawn(Fields(), problems)

    for name, says in (("name", "Say the name"), ("answer", "Choose whose it is"), ("until", "Say until when")):
        assert f'<a href="#{name}">{says}</a>' in page
        assert f'id="{name}"' in page
        assert f'id="{name}-problem"' in page
        assert f"{name}-problem" in page.split(f'id="{name}"')[1].partition("aria-describedby=")[2].partition(">")[0]
    assert text_of(page).count("Say the name") == 2
    assert [problem.field for problem in problems] == ["name", "answer", "until"]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (("2026", "2", "28"), date(2026, 2, 28)),
        (("2026", "02", "30"), None),
        (("26", "2", "3"), None),
        (("٢٠٢٦", "2", "3"), None),
        (("2026", "", ""), None),
        (("99999", "1", "1"), None),
        (("0000", "1", "1"), None),
        ((" 1958 ", " 12", "22"), date(1958, 12, 22)),
    ],
)
def test_a_date_is_three_numbers_or_a_problem(sent: tuple[str, str, str], read: date | None):
    problems = Problems()
    fields = Fields({f"d-{part}": [text] for part, text in zip(("year", "month", "day"), sent, strict=True)})

    assert fields.day("d", problems) == read
    assert bool(problems) is (read is None)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        *(("9:30", time(9, 30)), ("09.30", time(9, 30)), ("14:30", time(14, 30)), ("2:30 pm", time(14, 30))),
        *(("9 a.m.", time(9)), ("12:15 AM", time(0, 15)), ("12 pm", time(12)), ("02:30", time(2, 30))),
        *((one, None) for one in ("", "2:30", "25:00", "9:75", "13:00 pm", "9", "noon", "0:00 am", "09:30+02:00")),
    ],
)
def test_a_time_says_whether_it_is_of_the_morning(said: str, read: time | None):
    problems = Problems()

    assert Fields({"at": [said]}).time_of_day("at", problems) == read
    assert bool(problems.of("at")) is (read is None)


def test_a_date_that_is_not_needed_may_be_left_away():
    problems = Problems()

    assert Fields().day("d", problems) is None
    assert not problems


@pytest.mark.parametrize("text", ["x" * 201, "a\x00b", "a\nb", "a‮b"])
def test_a_line_is_short_and_in_one_line(text: str):
    problems = Problems()

    Fields({"name": [text]}).line("name", problems)

    assert problems


def test_a_note_has_lines_of_one_kind():
    problems = Problems()

    assert Fields({"note": [" a\r\nb\rc\n"]}).note("note", problems) == "a\nb\nc"
    assert not problems
    Fields({"note": ["a\x1b[2J"]}).note("note", problems)
    assert problems


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", "&".join(["a=1"] * (MAX_FIELDS + 1)).encode()])
def test_what_is_no_form_is_refused(body: bytes):
    with pytest.raises(BadForm):
        fields_of(body)


def test_a_form_keeps_all_values_and_their_letters():
    assert fields_of(b"n=%C3%A9%20+x&l=a&l=b&e=") == Fields({"n": ["é  x"], "l": ["a", "b"], "e": [""]})
