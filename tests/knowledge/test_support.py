import pytest

from knowledge import chunking
from knowledge.search import Hit
from knowledge.support import supporting


def hit(title, body, language="en"):
    sentences = tuple(sentence.text for section in chunking.sections(body) for sentence in section.sentences)
    return Hit(title, 1, title, language, body, sentences, (0.5,) * len(sentences), 1.0, 0.5, 0.5, 0.9)


ROOF = hit(
    "Rooftop pool", "The rooftop pool on level 42 opens from 7 am to sunset. It is for adults. Towels are supplied."
)
FAMILY = hit("Family pool", "The family pool on level 3 has a shallow area. Lifeguards are on duty from 8 am to 7 pm.")
MOSQUE = hit("المصلى", "المصلى في الطابق الأول. يفتح عند الفجر.", "ar")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("Towels are supplied.", [(ROOF, 2)], id="word-for-word"),
        pytest.param("The rooftop pool opens at seven in the morning.", [(ROOF, 0)], id="in-other-words"),
        pytest.param(
            "Lifeguards are there from eight to seven. Towels are supplied.", [(FAMILY, 1), (ROOF, 2)], id="two"
        ),
        pytest.param("Towels are supplied. Towels are supplied!", [(ROOF, 2)], id="each-once"),
        pytest.param("يفتح المسبح في الطابق 42 الساعة 7.", [(ROOF, 0)], id="numbers-cross-languages"),
        pytest.param("المصلى في الطابق الأول", [(MOSQUE, 0)], id="arabic"),
        pytest.param("I am sorry, nothing is written about that.", [], id="refusal"),
        pytest.param("آسف، لا أعرف.", [], id="arabic-refusal"),
        pytest.param("The pool opens at 9.", [], id="another-number"),
        pytest.param("يفتح المسبح الساعة 9.", [], id="another-number-across-languages"),
        pytest.param("The pool is lovely.", [], id="one-word-is-chance"),
        pytest.param("Breakfast is on the terrace.", [], id="something-else"),
        pytest.param("", [], id="nothing-said"),
    ],
)
def test_an_answer_rests_on_the_sentences_that_say_it(answer, expected):
    hits = [ROOF, FAMILY, MOSQUE]
    assert supporting(answer, hits) == [(source, source.sentences[number]) for source, number in expected]


@pytest.mark.parametrize(
    ("language", "body", "answer"),
    [
        (
            "fr",
            "Les serviettes sont fournies gratuitement à la piscine.",
            "Les serviettes de la piscine sont fournies.",
        ),
        ("uk", "Рушники надаються безкоштовно біля басейну.", "Рушники біля басейну надаються безкоштовно."),
        ("fa", "حوله در کنار استخر رایگان است.", "حوله کنار استخر رایگان است."),
    ],
)
def test_an_answer_in_the_language_of_its_source_rests_on_it_whichever_that_is(language, body, answer):
    pool = hit("Pool", body, language)
    assert supporting(answer, [pool]) == [(pool, body)]


def test_without_hits_nothing_is_supported():
    assert supporting("Towels are supplied.", []) == []


def test_among_equals_the_better_hit_is_cited():
    again = hit("Gym", "Towels are supplied.")
    assert supporting("Towels are supplied.", [again, ROOF]) == [(again, "Towels are supplied.")]
