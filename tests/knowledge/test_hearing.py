import pytest

from knowledge.hearing import Heard
from knowledge.lexical import fold


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        pytest.param("gym", "jim", id="same-sound"),
        pytest.param("spa", "spar", id="unspoken-r"),
        pytest.param("sauna", "sawna", id="vowels"),
        pytest.param("jacuzzi", "jakuzi", id="doubled"),
        pytest.param("breakfast", "brekfast", id="a-letter-missing"),
        pytest.param("blanket", "balnket", id="letters-changed-places"),
        pytest.param("مسبح", "مصبح", id="arabic-emphatic"),
        pytest.param("قهوة", "كهوة", id="arabic-qaf"),
        pytest.param("المسبح", "مسبح", id="arabic-article"),
        pytest.param("бассейн", "басейн", id="another-script"),
    ],
)
def test_a_word_is_found_by_what_sounds_nearly_like_it(written, heard):
    assert list(Heard([fold(written), "laundry", "valet"]).like(fold(heard))) == [fold(written)]


@pytest.mark.parametrize(
    ("written", "heard"),
    [("gym", "jam"), ("spa", "soup"), ("pool", "spoon"), ("taxi", "tax"), ("2nd", "and"), ("مسبح", "مطبخ")],
)
def test_a_short_word_is_not_taken_for_another(written, heard):
    assert Heard([fold(written)]).like(fold(heard)) == {}


def test_the_same_sound_is_nearer_than_another_letter():
    near = Heard(["desert", "dessert", "deserts"]).like("dezert")
    assert near["desert"] == near["dessert"] == 0
    assert near.get("deserts", 1) == 1
