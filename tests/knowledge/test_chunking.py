"""Text to sentences and sections: pure, many cases."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.chunking import LONGEST_SECTION, LONGEST_SENTENCE, plain, sections, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("The pool opens at six. It is free.", ["The pool opens at six.", "It is free."], id="two"),
        pytest.param("Breakfast is from 6.30 pm to 10.30 pm.", ["Breakfast is from 6.30 pm to 10.30 pm."], id="times"),
        pytest.param("It costs AED 1,200. Pay by card.", ["It costs AED 1,200.", "Pay by card."], id="amounts"),
        pytest.param("Ask Dr. Smith or Mrs. Jones.", ["Ask Dr. Smith or Mrs. Jones."], id="titles"),
        pytest.param("Open until 10 p.m. Monday to Friday.", ["Open until 10 p.m. Monday to Friday."], id="pm-weekday"),
        pytest.param("Open from 7 a.m. The bar is shut.", ["Open from 7 a.m.", "The bar is shut."], id="am-ends"),
        pytest.param("Bring cards, e.g. Visa. Cash too.", ["Bring cards, e.g. Visa.", "Cash too."], id="eg"),
        pytest.param("Ask for No. 5 at St. Regis.", ["Ask for No. 5 at St. Regis."], id="number"),
        pytest.param("Is it free? No. You pay.", ["Is it free?", "No.", "You pay."], id="no-is-a-sentence"),
        pytest.param("Take lift B. Turn left.", ["Take lift B. Turn left."], id="initial"),
        pytest.param(
            "It is on level 3. The pool is near.", ["It is on level 3.", "The pool is near."], id="ends-in-digit"
        ),
        pytest.param("See www.noor.ae. Or call.", ["See www.noor.ae.", "Or call."], id="web-address"),
        pytest.param("Wait... then enter.", ["Wait... then enter."], id="dots"),
        pytest.param("He said “Welcome.” We sat.", ["He said “Welcome.”", "We sat."], id="quotes"),
        pytest.param("all is well. towels are free.", ["all is well.", "towels are free."], id="no-capitals"),
        pytest.param("Come in! Really?! Yes.", ["Come in!", "Really?!", "Yes."], id="marks"),
        pytest.param("One; two.", ["One; two."], id="a-semicolon-goes-on"),
        pytest.param("هل المسبح مفتوح؟ نعم.", ["هل المسبح مفتوح؟", "نعم."], id="ar-question"),
        pytest.param("يفتح صباحاً؛ ويغلق مساءً.", ["يفتح صباحاً؛", "ويغلق مساءً."], id="ar-semicolon"),
        pytest.param("من ٦.٣٠ صباحاً إلى ١٠.٣٠.", ["من ٦.٣٠ صباحاً إلى ١٠.٣٠."], id="ar-times"),
        pytest.param("السعر 1,200 درهم. الدفع نقداً!", ["السعر 1,200 درهم.", "الدفع نقداً!"], id="ar-amount"),
        pytest.param("راجع د. أحمد في ص.ب. 123.", ["راجع د. أحمد في ص.ب. 123."], id="ar-abbreviations"),
        pytest.param("مفتوح حتى الغروب.والدخول مجاني.", ["مفتوح حتى الغروب.", "والدخول مجاني."], id="ar-no-space"),
        pytest.param("हाँ। नाश्ता सात बजे है।", ["हाँ।", "नाश्ता सात बजे है।"], id="hi"),
        pytest.param("游泳池开放。免费。", ["游泳池开放。", "免费。"], id="zh"),
        pytest.param("", [], id="empty"),
        pytest.param("  no end ", ["no end"], id="no-end"),
    ],
)
def test_sentences_end_where_a_reader_would_pause(text, expected):
    assert sentences(text) == expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=1500))
def test_only_white_space_is_lost_between_sentences(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=1500))
def test_no_sentence_is_too_long_to_say(text):
    assert all(0 < len(sentence) <= LONGEST_SENTENCE for sentence in sentences(text))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("The **pool** is [here](http://x.test).", "The pool is here.", id="marks-and-links"),
        pytest.param("# Pool\n\nOpen.", "Pool\nOpen.", id="heading"),
        pytest.param("We offer:\n\n- towels\n- cots\n", "We offer: towels, cots.", id="short-list-joins"),
        pytest.param("لدينا:\n\n- مناشف\n- أسرّة\n", "لدينا: مناشف، أسرّة.", id="arabic-list-joins"),
        pytest.param(
            "- Take the lift to level three.\n- Turn left", "Take the lift to level three.\nTurn left.", id="list"
        ),
        pytest.param("1. Go in\n2. Sit down", "Go in.\nSit down.", id="numbered"),
        pytest.param("- a\n  - b\n- c", "a.\nb.\nc.", id="nested"),
        pytest.param("| Who | Price |\n|--|--|\n| Adults | AED 50 |\n", "Adults: Price AED 50.", id="table"),
        pytest.param("| A | B | C |\n|--|--|--|\n| x | | z |\n", "x: C z.", id="table-with-a-gap"),
        pytest.param("Adults AED 50\nChildren free", "Adults AED 50\nChildren free", id="typed-lines-stay"),
        pytest.param(
            "This line was wrapped by an editor at some column near\nits end.",
            "This line was wrapped by an editor at some column near its end.",
            id="wrapped-lines-join",
        ),
        pytest.param("    typed with spaces", "typed with spaces", id="indentation-is-no-code"),
        pytest.param("a <script>alert(1)</script> b", "a <script>alert(1)</script> b", id="html-is-text"),
        pytest.param("![The pool](p.png)", "The pool", id="picture"),
        pytest.param("> Quoted.", "Quoted.", id="quotation"),
        pytest.param("```\ncode here\n```", "code here", id="code"),
        pytest.param("a\u200fb\ufeff", "ab", id="invisible"),
        pytest.param("---", "", id="nothing-to-say"),
    ],
)
def test_markdown_is_read_aloud_without_its_marks(body, expected):
    assert plain(body) == expected


def test_a_short_body_is_one_section():
    body = "# A\n\nOne. Two.\n\n## B\n\nThree."
    (section,) = sections(body)
    assert section.text == "A\nOne. Two.\nB\nThree."
    assert [(sentence.text, sentence.heading) for sentence in section.sentences] == [
        ("One.", "A"),
        ("Two.", "A"),
        ("Three.", "B"),
    ]


def test_a_long_body_is_cut_at_its_headings():
    filler = "The hall is wide and it is cool inside. " * 12
    found = sections(f"## East\n\n{filler}\n\n## West\n\n{filler}")
    assert [section.text.splitlines()[0] for section in found] == ["East", "West"]


def test_a_section_that_goes_on_keeps_its_heading():
    found = sections("## East\n\n" + "\n\n".join(["The hall is wide and it is cool inside. " * 15] * 3))
    assert len(found) > 1
    assert {sentence.heading for section in found for sentence in section.sentences} == {"East"}


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab .!?\n#-|*1؟ع<>`"), max_size=3000))
def test_every_section_has_sentences_and_fits_the_embedder(body):
    for section in sections(body):
        assert section.sentences
        assert len(section.text) <= LONGEST_SECTION + LONGEST_SENTENCE
