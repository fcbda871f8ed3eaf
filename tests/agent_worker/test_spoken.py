import pytest

from agent_worker.providers.spoken import say_in_english, without_markup

SAID = {
    "AED 145 when not included": "one hundred forty-five dirhams when not included",
    "AED 1 a day": "one dirham a day",
    "AED 1,250.50": "one thousand two hundred fifty dirhams and fifty fils",
    "Dhs 75-100 per person": "seventy-five to one hundred dirhams per person",
    "145 AED": "one hundred forty-five dirhams",
    "$5.00": "five dollars",
    "6.30 to 10.30 am, and until 11 am": "six thirty to ten thirty AM, and until eleven AM",
    "10:00–18:00": "ten o'clock to six PM",
    "10 am–6 pm daily": "ten AM to six PM daily",
    "At 00:00 and 12:00": "At midnight and noon",
    "7:05": "seven oh five",
    "It closes at 11 p.m. Towels are free.": "It closes at eleven PM. Towels are free.",
    "It closes at 11 p.m. on Friday": "It closes at eleven PM on Friday",
    "Call +971 4 555 0100 now.": "Call plus nine seven one, four, five five five, zero one zero zero now.",
    "800 7256": "eight zero zero, seven two five six",
    "Open 24/7.": "Open twenty-four hours a day, seven days a week.",
    "50% off": "fifty percent off",
    "a 15-20 min walk": "a fifteen to twenty minutes walk",
    "20°C": "twenty degrees Celsius",
    "Ages 16+": "Ages sixteen and over",
    "Rooms 401-420": "Rooms 401 to 420",
    "on 24-12-2026": "on 24-12-2026",
    "1,200 guests": "one thousand two hundred guests",
    "info@palm-court.ae": "info at palm dash court dot ae",
    "e.g. Wi-Fi & TV": "for example Wi-Fi and TV",
    "no. 5": "number 5",
    "No. The pool is shut.": "No. The pool is shut.",
    "level 42": "level 42",
}


@pytest.mark.parametrize(("written", "said"), SAID.items(), ids=SAID.keys())
def test_written_english_is_said_in_words(written, said):
    assert say_in_english(written) == said


def test_marks_of_markdown_are_not_spoken():
    text = "## Pool\n\n- **Open**: *daily*, see [the desk](https://palm.ae/desk)\n1. `Towels` are free\n\n---\n"
    assert without_markup(text) == "Pool\n\nOpen: daily, see the desk\nTowels are free"


def test_a_table_is_read_row_by_row():
    assert say_in_english("| Day | Hours |\n|---|---|\n| Monday | 9-5 |") == "Day, Hours. Monday, 9 to 5."


def test_a_star_or_underline_that_marks_nothing_stays():
    assert without_markup("A 5 * 3 room, file_name") == "A 5 3 room, file_name"
