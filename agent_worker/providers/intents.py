"""What a visitor wants that needs no search: a greeting back, the clock, a person, the end of the call. Pure rules.

Everything that is not plainly one of these is a question for the venue's knowledge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Wish(Enum):
    ASKS = "asks"
    GREETS = "greets"
    SALAM = "salam"
    HOW_ARE_YOU = "how are you"
    THANKS = "thanks"
    DECLINES = "declines"  # "no, that is all"
    GOODBYE = "goodbye"
    WHO_ARE_YOU = "who are you"
    REPEAT = "repeat"
    PERSON = "person"
    OPEN_NOW = "open now"  # the house, or `place`, at this moment
    HOURS = "hours"  # when it opens or closes, of the house or `place`
    NOTHING = "nothing"  # only "um" and the like


@dataclass(frozen=True)
class Intent:
    wish: Wish
    place: str = ""


def is_arabic(text: str) -> bool:
    """More Arabic letters than Latin ones."""
    arabic = sum("\u0600" <= letter <= "\u06ff" for letter in text if letter.isalpha())
    return arabic > sum(letter.isascii() for letter in text if letter.isalpha())


def language_of(text: str, otherwise: str) -> str:
    """The language to answer in: that of the question's letters, else the call's."""
    if is_arabic(text):
        return "ar"
    if otherwise == "ar" and re.search(r"[A-Za-z]{2}", text):
        return "en"
    return otherwise


def intent_of(text: str) -> Intent:
    said = plain(text)
    rest, courtesies = _without_courtesies(said)
    if not rest:
        for wish in (Wish.GOODBYE, Wish.DECLINES, Wish.THANKS, Wish.HOW_ARE_YOU, Wish.SALAM, Wish.GREETS):
            if wish in courtesies:
                return Intent(wish)
        return Intent(Wish.NOTHING)
    for wish, patterns in _PATTERNS:
        if any(pattern.search(rest) for pattern in patterns):
            return Intent(wish)
    return _about_hours(rest) or Intent(Wish.ASKS)


def plain(text: str) -> str:
    """Small letters, one space between words, no marks; Arabic letters in their plain shape."""
    text = text.casefold().replace("’", "'").replace("'", "")
    text = re.sub("[\u064b-\u0652\u0640]", "", text)
    text = re.sub("[أإآٱ]", "ا", text).replace("ى", "ي").replace("ة", "ه")
    return " ".join(re.findall(r"\w+", text))


# Courtesies: words around a question, or all that was said

_COURTESIES: dict[Wish | None, tuple[str, ...]] = {
    Wish.GOODBYE: (
        "goodbye",
        "good bye",
        "bye bye",
        "bye",
        "see you later",
        "see you soon",
        "see you",
        "good night",
        "take care",
        "have a nice day",
        "have a good day",
        "have a great day",
        "have a nice evening",
        "you can hang up",
        "hang up",
        "end the call",
        "end call",
        "ma salama",
        "مع السلامه",
        "الي اللقاء",
        "وداعا",
        "باي باي",
        "باي",
        "في امان الله",
        "تصبح علي خير",
        "اشوفك لاحقا",
        "انه المكالمه",
        "اقفل الخط",
    ),
    Wish.DECLINES: (
        "that is all",
        "thats all",
        "that is it",
        "thats it",
        "that will be all",
        "thatll be all",
        "nothing else",
        "im done",
        "i am done",
        "no thank you",
        "no thanks",
        "im good",
        "im fine",
        "im all set",
        "nothing more",
        "لا شكرا",
        "هذا كل شيء",
        "هذا كل شي",
        "بس هذا",
        "خلاص",
        "لا شيء اخر",
    ),
    Wish.THANKS: (
        "thank you very much",
        "thank you so much",
        "thank you",
        "thanks a lot",
        "thanks so much",
        "many thanks",
        "thanks",
        "thank",
        "thankyou",
        "cheers",
        "great",
        "perfect",
        "wonderful",
        "awesome",
        "excellent",
        "very good",
        "very helpful",
        "thats helpful",
        "appreciate it",
        "i appreciate it",
        "shukran",
        "you are welcome",
        "cool",
        "شكرا جزيلا",
        "شكرا لك",
        "شكرا لكم",
        "شكرا",
        "مشكور",
        "مشكوره",
        "مشكورين",
        "يعطيك العافيه",
        "يعطيكم العافيه",
        "تسلم",
        "تسلمين",
        "ممتاز",
        "رائع",
        "جزاك الله خيرا",
        "جزاك الله خير",
        "ما قصرت",
    ),
    Wish.HOW_ARE_YOU: (
        "how are you doing today",
        "how are you doing",
        "how are you today",
        "how are you",
        "hows it going",
        "how is it going",
        "how do you do",
        "whats up",
        "كيف حالك",
        "كيف الحال",
        "كيفك",
        "شلونك",
        "شخبارك",
        "اخبارك",
        "كيف حالكم",
        "شلونكم",
    ),
    Wish.SALAM: (
        "assalamu alaikum",
        "assalamualaikum",
        "as salamu alaykum",
        "salam alaikum",
        "salaam alaikum",
        "salam",
        "salaam",
        "السلام عليكم ورحمه الله وبركاته",
        "السلام عليكم ورحمه الله",
        "السلام عليكم",
        "سلام عليكم",
        "سلام",
    ),
    Wish.GREETS: (
        "hello there",
        "hi there",
        "hey there",
        "hello",
        "hi",
        "hey",
        "hiya",
        "howdy",
        "good morning",
        "good afternoon",
        "good evening",
        "good day",
        "marhaba",
        "greetings",
        "nice to meet you",
        "مرحبا بك",
        "مرحبا بكم",
        "مرحبا",
        "اهلا وسهلا",
        "اهلا",
        "هلا والله",
        "هلا",
        "هاي",
        "صباح الخير",
        "صباح النور",
        "مساء الخير",
        "مساء النور",
        "حياك الله",
        "تشرفنا",
    ),
    None: (
        "um",
        "uh",
        "uhm",
        "hmm",
        "hm",
        "er",
        "erm",
        "ah",
        "oh",
        "well",
        "so",
        "okay",
        "ok",
        "right",
        "alright",
        "sure",
        "yes please",
        "yes",
        "yeah",
        "yep",
        "please",
        "excuse me",
        "sorry",
        "sir",
        "madam",
        "maam",
        "for now",
        "for your help",
        "for the help",
        "for the information",
        "for that",
        "for the info",
        "for you",
        "now",
        "ايه",
        "اه",
        "طيب",
        "حسنا",
        "تمام",
        "اوكي",
        "نعم",
        "من فضلك",
        "لو سمحت",
        "لو سمحتي",
        "عفوا",
        "يا اخي",
        "يعني",
    ),
}
_COURTESY = [
    (wish, phrase)
    for wish, phrase in sorted(
        ((wish, phrase) for wish, phrases in _COURTESIES.items() for phrase in phrases),
        key=lambda pair: -len(pair[1]),
    )
]


def _without_courtesies(said: str) -> tuple[str, set[Wish | None]]:
    """What is left when every courtesy at either end is taken away, and which they were."""
    found: set[Wish | None] = set()
    while said:
        for wish, phrase in _COURTESY:
            if said == phrase or said.startswith(f"{phrase} "):
                said = said[len(phrase) :].strip()
            elif said.endswith(f" {phrase}"):
                said = said[: -len(phrase)].strip()
            else:
                continue
            found.add(wish)
            break
        else:
            break
    return said, found


# Wishes with a shape of their own

_AGENT_NOUN = r"(?:an? |the |some )?(?:real |actual |live )?(?:ai|bot|robot|machine|computer|human|human being|person|program|recording)"
_PERSON_NOUN = (
    r"(?:(?:some|any)(?:one|body)(?: else)?|(?:an? |the |your )?(?:real |actual |live |human )*"
    r"(?:person|human(?: being)?|receptionist|reception|staff(?: member)?|member of staff|manager|duty manager|operator|"
    r"front desk|desk|agent|employee|concierge|people))"
)
_PATTERNS: tuple[tuple[Wish, tuple[re.Pattern[str], ...]], ...] = tuple(
    (wish, tuple(re.compile(pattern) for pattern in patterns))
    for wish, patterns in {
        Wish.REPEAT: (
            r"^(?:pardon(?: me)?|come again|what was that|what did you (?:just )?say|say what|what)$",
            r"^(?:can|could|would|will) you (?:please )?(?:repeat|say)(?: (?:that|it|this|what you said|your answer))?"
            r"(?: (?:again|once more|one more time|please|for me|slowly|more slowly))*$",
            r"^(?:repeat|say)(?: (?:that|it|this|your answer))?(?: (?:again|once more|please))*$",
            r"^i (?:didnt|did not|couldnt|could not|cant) (?:quite )?(?:hear|catch|understand|get)"
            r"(?: (?:that|you|it|what you said))?(?: (?:can|could) you (?:repeat|say)(?: it| that)?(?: again)?)?$",
            r"^(?:one more time|once more|once again|again)$",
            r"^(?:هل )?(?:ممكن |تقدر |يمكنك |ممكن ان )?(?:ان )?(?:ت?عيد|ت?عيدي|ت?كرر|اعد|كرر|عيد)(?: (?:ما قلت|كلامك|الكلام|الجواب|ذلك|لي|مره اخري|مره ثانيه))*$",
            r"^(?:ما سمعت(?:ك)?|لم اسمعك?|لم اسمع(?: جيدا)?|ماذا قلت|شو قلت|ايش قلت|وش قلت|مره ثانيه|مره اخري)$",
        ),
        Wish.WHO_ARE_YOU: (
            r"^(?:who|what) (?:are|r) you$|^who (?:am i|are we) (?:talking|speaking) (?:to|with)$",
            rf"^(?:are|r) you (?:really |actually )?{_AGENT_NOUN}(?: or {_AGENT_NOUN})*$",
            rf"^(?:am i|is this|are you|is it) (?:talking to |speaking to |speaking with |talking with )?{_AGENT_NOUN}(?: or {_AGENT_NOUN})*$",
            r"^(?:are you real|whats your name|what is your name|do you have a name|tell me about yourself|who (?:made|built) you)$",
            r"^what (?:can|do) you (?:do|know)(?: for me)?$|^(?:how|what) can you help(?: me)?(?: with)?$|^can you help(?: me)?$",
            r"^(?:من|مين|منو) (?:انت|انتي|انتم|معي|يتكلم)$|^(?:ما|شو|ايش|وش) اسمك$",
            r"^(?:هل )?انت (?:انسان|روبوت|الي|اله|ذكاء اصطناعي|شخص|حقيقي|شخص حقيقي|انسان حقيقي|كمبيوتر)(?: ام .+| او .+| ولا .+)?$",
            r"^(?:ماذا|شو|ايش|وش) (?:تستطيع|تقدر|يمكنك)(?: ان)? (?:تفعل|تسوي|تعمل)$|^كيف (?:تساعدني|يمكنك مساعدتي|تقدر تساعدني)$",
        ),
        Wish.PERSON: (
            rf"\b(?:talk|speak|chat) (?:to|with) {_PERSON_NOUN}\b",
            rf"\b(?:put|pass|get|connect|transfer|forward|patch) me (?:through )?(?:on )?(?:to|with) {_PERSON_NOUN}\b",
            rf"^(?:i (?:want|need|would like|d like)|get me|give me|id like|let me have|can i have) {_PERSON_NOUN}(?: please)?$",
            r"^(?:human|a human|operator|receptionist|real person|representative|agent|a person|a real person)$",
            r"(?:اتكلم|اتحدث|اكلم|احكي|التحدث|الكلام|تحدث|حولني|حولوني|وصلني|وصلوني|تحويلي)(?: (?:مع|الي|علي|ب))? ?(?:ال)?"
            r"(?:شخص|موظف\w*|احد|انسان|استقبال|الاستقبال|للاستقبال|لموظف|مدير|المدير|بشر|مسؤول|المسؤول|حد)",
            r"^(?:اريد|ابغي|ابي|ابا|احتاج|بدي) (?:شخص|موظف|انسان|احد|المدير|موظف الاستقبال)(?: حقيقي)?$",
        ),
    }.items()
)

# Opening hours

_HOUSE = {
    "", "you", "u", "we", "it", "this", "they", "place", "this place", "the place", "here", "hotel", "the hotel",
    "mall", "the mall", "museum", "the museum", "clinic", "the clinic", "shop", "the shop", "your hotel", "your mall",
    "انتم", "انتو", "المكان", "الفندق", "المول", "المتحف", "العياده", "المركز", "السوق", "عندكم", "هنا",
}  # fmt: skip
_ANOTHER_DAY = re.compile(
    r"\b(?:tomorrow|yesterday|week\w*|monday|tuesday|wednesday|thursday|friday|saturday|sunday|holidays?|ramadan|eid|"
    r"christmas|new year\w*|national day|next|year|month|early|at \d|before|after|بكره|غدا|باكر|رمضان|العيد|عيد|"
    r"الاحد|الاثنين|الثلاثاء|الاربعاء|الخميس|الجمعه|السبت|نهايه الاسبوع|الاسبوع)\b"
)
_NOW = r"(?:now|right now|at the moment|currently|still|yet|today|tonight|at this hour|at this time|الان|الحين|هلا|حاليا|اليوم|للحين|بعد)"
_SUBJECT = r"(?P<place>.+?)"
_OPEN_NOW = (
    re.compile(rf"^(?:is|are|s|r) {_SUBJECT} (?:still |currently |now |already )*(?:open|closed|shut)(?: {_NOW})*$"),
    re.compile(rf"^(?:do|can) you know if {_SUBJECT} (?:is|are) (?:still |currently )*(?:open|closed)(?: {_NOW})*$"),
    re.compile(rf"^(?:هل )?{_SUBJECT} (?:لا يزال |ما زال |لسه |بعده )?(?:مفتوح|مفتوحه|مفتوحون|مفتوحين|فاتح|فاتحين|فاتحه|مغلق|مغلقه|مسكر|يعمل|تعملون)(?: {_NOW})*$"),
    re.compile(rf"^(?:هل )?(?:مفتوحين|فاتحين|تعملون|مفتوح)(?: {_NOW})*(?P<place>)$"),
)  # fmt: skip
_HOURS = (
    re.compile(
        r"^(?:what time|when|at what time|until when|till when|till what time|until what time|how late|how early|"
        rf"from when|what hours) (?:do|does|are|is|will) {_SUBJECT} (?:be )?(?:open|opens|close|closes|shut|opening|closing)"
        rf"(?: (?:its|your|the) doors)?(?: until| till| to| for (?:visitors|guests))?(?: {_NOW})*$"
    ),
    re.compile(r"^(?:what are|whats|what is|tell me) (?P<place>your|the) (?:opening|working|business|visiting) (?:hours|times?)(?: today)?$"),
    re.compile(rf"^(?:متي|اي ساعه|الساعه كم|كم الساعه|لين متي|الي متي|حتي متي) (?:ت?فتحون|ت?غلقون|تسكرون|تبطلون|تفتحوا|تقفلون|تفتح|تغلق)(?P<place>)(?: {_NOW})*$"),
    re.compile(rf"^(?:متي|اي ساعه|الساعه كم|لين متي|الي متي|حتي متي) (?:يفتح|تفتح|يغلق|تغلق|يسكر|تسكر|يقفل|يبطل) {_SUBJECT}(?: {_NOW})*$"),
    re.compile(r"^(?:ما هي |ما |شو |كم )?(?:مواعيد|ساعات|اوقات) (?:العمل|الدوام|عملكم|دوامكم|الزياره|الافتتاح)(?P<place>)(?: اليوم)?$"),
)  # fmt: skip


def _about_hours(said: str) -> Intent | None:
    if _ANOTHER_DAY.search(said):
        return None  # the clock knows this day only; what is written may know more
    for wish, shapes in ((Wish.OPEN_NOW, _OPEN_NOW), (Wish.HOURS, _HOURS)):
        for shape in shapes:
            if found := shape.search(said):
                place = re.sub(
                    r"^(?:you guys|you|u|your|the) ?|(?: |^)(?:guys|folks|place)$", "", found["place"]
                ).strip()
                is_house = found["place"] in _HOUSE or place in _HOUSE
                return Intent(wish, "" if is_house else place)
    return None
