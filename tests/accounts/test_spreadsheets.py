"""Lists as CSV files: what is written is read back as it was."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.services import FileRefused
from accounts.spreadsheets import lines, read_rows, text_of

CELLS = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("\n '=+-@,;"), max_size=12).map(
    str.strip
)


@given(st.lists(st.tuples(CELLS, CELLS).filter(any), min_size=1, max_size=5))
@example([("'=1+1", "''-2")])
def test_what_a_list_says_is_read_as_it_was_written(rows):
    file = b"".join(lines(("name", "note"), rows))
    found = read_rows(text_of(file, most_bytes=10_000), needed=["name", "note"], most=5)
    assert [(row["name"], row["note"]) for _number, row in found] == rows


def test_a_row_has_the_number_of_the_line_it_begins_on():
    found = read_rows('name,note\n\na,"one\ntwo"\n\nb,\n', needed=["name"], most=5)
    assert [number for number, _row in found] == [3, 6]


def test_an_apostrophe_of_somebody_s_own_stays():
    [(_number, row)] = read_rows("name,note\n't Zand BV,'=1+1\n", needed=["name"], most=5)
    assert row == {"name": "'t Zand BV", "note": "=1+1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There are no lines"),
        (",,\n", "There are no lines"),
        ("name\n\n", "a heading and no lines"),
        ("note\nx\n", "lacks: name"),
        ("name,colour\nx,red\n", "not known: colour. Known are: name, note"),
        ('name\n"never closed\n', "Line 2 cannot be read"),
        ("name\n" + "x\n" * 6, "more than 5 lines"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(text, words):
    with pytest.raises(FileRefused, match=words):
        read_rows(text, needed=["name"], known=["name", "note"], most=5)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "not in UTF-8"), (b"name\n\x00", "not text"), (b"x" * 2049, "larger than 2.0\xa0KB")],
)
def test_what_is_no_text_is_refused(content, words):
    with pytest.raises(FileRefused, match=words):
        text_of(content, most_bytes=2048)
