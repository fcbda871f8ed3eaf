import pytest

from knowledge.differences import MOST_WORDS, differences


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("", "All of it is new."),
        ("One.\n\nTwo.\n", "One.\n\nTwo and a half.\nThree."),
        ("المسبح مفتوح من السادسة.", "المسبح مفتوح من السابعة!"),
        ("same " * 10, "same " * 10),
        ("w " * (MOST_WORDS + 1), "v " * (MOST_WORDS + 1)),
    ],
    ids=["nothing", "new", "lines", "arabic", "same", "long"],
)
def test_both_texts_can_be_read_out_of_their_differences(before, after):
    found = differences(before, after)
    assert "".join(stretch.text for stretch in found if stretch.kind != "new") == before
    assert "".join(stretch.text for stretch in found if stretch.kind != "gone") == after


def test_only_the_words_that_changed_are_marked():
    found = differences("The pool opens at six every day.", "The pool opens at half past nine every day.")
    assert [(stretch.kind, stretch.text) for stretch in found] == [
        ("same", "The pool opens at "),
        ("gone", "six"),
        ("new", "half past nine"),
        ("same", " every day."),
    ]
