import re

import numpy as np
import pytest

from agent_worker.providers import whisper
from agent_worker.providers.hibari import HibariVoice
from agent_worker.providers.speaking import speak
from agent_worker.providers.spoken import say, say_in_arabic, say_in_english, without_markup
from tests.agent_worker.sound import resampled

SAID = {
    "AED 145 when not included": "one hundred forty-five dirhams when not included",
    "AED 1 a day": "one dirham a day",
    "AED 1,250.50": "one thousand two hundred fifty dirhams and fifty fils",
    "Dhs 75-100 per person": "seventy-five to one hundred dirhams per person",
    "145 AED": "one hundred forty-five dirhams",
    "$5.00": "five dollars",
    "6.30 to 10.30 am, and until 11 am": "six thirty to ten thirty AM, and until eleven AM",
    "10:00–18:00": "ten AM to six PM",
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
    "Rooms 401-420": "Rooms four oh one to four twenty",
    "on 24-12-2026": "on the twenty-fourth of December twenty twenty-six",
    "1,200 guests": "one thousand two hundred guests",
    "info@palm-court.ae": "info at palm dash court dot ae",
    "e.g. Wi-Fi & TV": "for example Wi-Fi and TV",
    "no. 5": "number 5",
    "No. The pool is shut.": "No. The pool is shut.",
    "level 42": "level 42",
    "Pool hours: 07:00–23:00.": "Pool hours: seven AM to eleven PM.",
    "It opens at 10:30.": "It opens at ten thirty.",
    "Open 7am-11pm": "Open seven AM to eleven PM",
    "the 2nd floor": "the second floor",
    "the 21st, 30th and 100th": "the twenty-first, thirtieth and one hundredth",
    "room 412 or suite 1204": "room four twelve or suite twelve oh four",
    "room 400": "room four hundred",
    "Dh 50": "fifty dirhams",
    "AED1,250": "one thousand two hundred fifty dirhams",
    "on 24/11/2026": "on the twenty-fourth of November twenty twenty-six",
    "since 2009-01-05": "since the fifth of January two thousand nine",
    "11/24/2026": "the twenty-fourth of November twenty twenty-six",
    "99/99/2026": "99/99/2026",
    "0501234567": "zero five zero, one two three, four five six seven",
    "ext. 204": "extension two zero four",
    "see palm.ae/menu": "see palm dot ae slash menu",
    "https://www.palm.ae/": "palm dot ae",
    "at ٧:٣٠ pm for ٥٠ AED": "at seven thirty PM for fifty dirhams",
    "Dr. Sara at St. Regis": "Doctor Sara at Saint Regis",
    "4.5 km": "four point five kilometres",
    "Version 2.0.1": "Version 2.0.1",
}

SAID_IN_ARABIC = {
    # Times
    "من 9:00 ص إلى 5:00 م": "من التاسعة صباحاً إلى الخامسة مساءً",
    "على بعد 20 م من البحر": "على بعد عشرين م من البحر",
    # Prices
    "السعر 1,250 درهماً": "السعر ألف ومئتان وخمسون درهماً",
    "السعر AED 1,250": "السعر ألف ومئتان وخمسون درهماً",
    "بسعر 50 درهم": "بسعر خمسين درهماً",
    "بـ50 درهماً": "بخمسين درهماً",
    "3 دراهم للساعة": "ثلاثة دراهم للساعة",
    "1 درهم": "درهم واحد",
    "2 درهم": "درهمان",
    "200 درهم": "مئتا درهم",
    "2000 درهم": "ألفا درهم",
    "12.50 درهم": "اثنا عشر درهماً وخمسون فلساً",
    "75-100 درهم للشخص": "من خمسة وسبعين إلى مئة درهم للشخص",
    "المبلغ 11 درهماً": "المبلغ أحد عشر درهماً",
    "٢٥ د.إ": "خمسة وعشرون درهماً",
    # Times
    "من 07:00 إلى 23:00.": "من السابعة صباحاً إلى الحادية عشرة مساءً.",
    "مفتوح 07:00–23:00": "مفتوح من السابعة صباحاً إلى الحادية عشرة مساءً",
    "من ٧ مساءً حتى ١١ مساءً": "من السابعة مساءً حتى الحادية عشرة مساءً",
    "الساعة 7 مساءً": "الساعة السابعة مساءً",
    "يفتح الساعة 10": "يفتح الساعة العاشرة",
    "يغلق 11:45 م": "يغلق الساعة الثانية عشرة إلا ربعاً مساءً",
    "الإفطار 6:30 صباحاً": "الإفطار الساعة السادسة والنصف صباحاً",
    "الشاي 15:15": "الشاي الساعة الثالثة والربع بعد الظهر",
    "24/7": "على مدار الساعة طوال أيام الأسبوع",
    # Numbers that are spelled
    "+971 4 555 0100": "زائد تسعة سبعة واحد، أربعة، خمسة خمسة خمسة، صفر واحد صفر صفر",
    "04 555 0100": "صفر أربعة، خمسة خمسة خمسة، صفر واحد صفر صفر",
    "٨٠٠ ٧٢٥٦": "ثمانية صفر صفر، سبعة اثنان خمسة ستة",
    "تحويلة 204": "تحويلة اثنان صفر أربعة",
    "كلمة المرور: 0412": "كلمة المرور: صفر أربعة واحد اثنان",
    # What is counted
    "3 غرف و5 مطاعم": "ثلاث غرف وخمسة مطاعم",
    "11 غرفة": "إحدى عشرة غرفة",
    "12 دقيقة": "اثنتا عشرة دقيقة",
    "25 دقيقة": "خمس وعشرون دقيقة",
    "18 سنة": "ثماني عشرة سنة",
    "لمدة 3 أيام": "لمدة ثلاثة أيام",
    "بعد 10 دقائق": "بعد عشر دقائق",
    "1500 ضيف": "ألف وخمسمئة ضيف",
    "21 يوماً": "واحد وعشرون يوماً",
    "من 3-5 دقائق": "من ثلاث إلى خمس دقائق",
    "15-20 دقيقة": "من خمس عشرة إلى عشرين دقيقة",
    "بين 10-12 سنة": "بين عشر واثنتي عشرة سنة",
    "للأطفال من 4 إلى 12 سنة": "للأطفال من أربعة إلى اثنتي عشرة سنة",
    "16+": "ستة عشر فما فوق",
    # Measures
    "يبعد 15 كم": "يبعد خمسة عشر كيلومتراً",
    "يبعد 3.5 كم": "يبعد ثلاثة فاصلة خمسة كيلومتر",
    "300 متر": "ثلاثمئة متر",
    "درجة الحرارة 28°": "درجة الحرارة ثمانٍ وعشرون درجة",
    "خصم 5%": "خصم خمسة بالمئة",
    "خصم ٥٠٪": "خصم خمسين بالمئة",
    # Places, dates, addresses
    "الطابق 2": "الطابق الثاني",
    "في الطابق 12": "في الطابق الثاني عشر",
    "غرفة 412": "غرفة أربعمئة واثنا عشر",
    "24/11/2026": "الرابع والعشرون من نوفمبر ألفين وستة وعشرين",
    "في 24/11/2026": "في الرابع والعشرين من نوفمبر ألفين وستة وعشرين",
    "عام 2026": "عام ألفين وستة وعشرين",
    "info@palm.ae": "info at palm dot ae",
    "مطعم Saffron Lounge في الطابق 3": "مطعم Saffron Lounge في الطابق الثالث",
}


@pytest.mark.parametrize(("written", "said"), SAID.items(), ids=SAID.keys())
def test_written_english_is_said_in_words(written, said):
    assert say_in_english(written) == said


@pytest.mark.parametrize(("written", "said"), SAID_IN_ARABIC.items(), ids=SAID_IN_ARABIC.keys())
def test_written_arabic_is_said_in_words(written, said):
    assert say_in_arabic(written) == said


@pytest.mark.parametrize("said", [*SAID.values(), *SAID_IN_ARABIC.values()])
def test_what_is_said_already_stays_as_it_is(said):
    """A voice behind another voice is given the same words again."""
    language = "ar" if any("\u0600" <= letter <= "\u06ff" for letter in said) else "en"
    assert say(said, language) == said


def test_a_text_is_said_by_the_rules_of_its_own_letters():
    assert say("The spa costs AED 5.", "ar") == "The spa costs five dirhams."
    assert say("السعر 5 دراهم", "en") == "السعر خمسة دراهم"
    assert say("المطعم هو Saffron Lounge", "ar") == "المطعم هو Saffron Lounge"


def test_of_other_languages_only_the_marks_go():
    assert say("**La piscine** ouvre à 7:00.", "fr") == "La piscine ouvre à 7:00."


def test_marks_of_markdown_are_not_spoken():
    text = "## Pool\n\n- **Open**: *daily*, see [the desk](https://palm.ae/desk)\n1. `Towels` are free\n\n---\n"
    assert without_markup(text) == "Pool\n\nOpen: daily, see the desk\nTowels are free"


def test_a_table_is_read_row_by_row():
    assert say_in_english("| Day | Hours |\n|---|---|\n| Monday | 9-5 |") == "Day, Hours. Monday, 9 to 5."


def test_a_star_or_underline_that_marks_nothing_stays():
    assert without_markup("A 5 * 3 room, file_name") == "A 5 3 room, file_name"


# By ear: what the local voice says, Whisper writes down again


HEARD = {
    "Breakfast is from 07:00 to 10:30.": ["7", "10.30"],
    "Call +971 4 555 0100 to book.": ["971 4 555 0100"],
    "There is a discount of 15%.": ["15%"],
    "The party is on 24/11/2026.": ["24", "november", "2026"],
    "The pool costs AED 1,250 a day.": ["1,250"],
    "It is 3.5 km away.": ["3.5 kilometers"],
    "The desk is open 24/7.": ["24 hours", "7 days"],
    "Dial ext. 204.": ["204"],
}


@pytest.mark.voice
@pytest.mark.parametrize(("written", "digits"), HEARD.items(), ids=HEARD.keys())
def test_the_digits_come_back_from_what_the_voice_says(written, digits):
    pcm = speak(written, [HibariVoice()]).pcm
    samples = resampled(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, 2, 3)
    heard = whisper.load(whisper.model_for("en")).hear(samples, "en").text.lower().replace(":", ".")
    together = re.sub("[ -]", "", heard)  # how digits are grouped is the ear's own affair, and differs by processor
    assert [part for part in digits if part.replace(" ", "") not in together] == [], heard
