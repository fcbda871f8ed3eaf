"""Has somebody spoken to a machine instead of to a receptionist, and does an answer claim what nobody here can do?

Pure rules in English and Arabic. They only make the guard stricter, so one that is wrong costs a detour and no call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from knowledge.lexical import fold
from knowledge.orders import reads_like_an_order

# Questions that are looked at together: an attack may be split over several.
TOGETHER = 3

# Shapes of folded text, between word boundaries. What no tool of the agent does, claimed as done.
_DEEDS = [
    r"i(?: have|'ve|ve| just)? (?:now |just |already |hereby )*(?:booked|reserved|unlocked|opened|paid|charged|"
    r"refunded|cancell?ed|upgraded|waived|granted|approved|authori[sz]ed|disabled|enabled|activated|deleted)",
    r"your (?:room|door|gate|table|booking|access|upgrade|discount|refund|account|safe) (?:is|has been) (?:now )?"
    r"(?:unlocked|booked|granted|approved|activated|refunded|cancell?ed)",
    r"(?:لقد |قد )?(?:حجزت|فتحت|الغيت|رقيت|منحت|فعلت|اعفيت|استرجعت)",
    r"تم (?:فتح|حجز|الغاء|ترقيه|تفعيل|منح|استرداد)",
]
# What a visitor says to a machine; knowledge.orders has what an article may say as well.
_CLAIMS = [
    # What it was told, and in which shape to say it.
    r"(?:your|the) (?:\w+ )?(?:instructions?|prompt|guidelines|configuration|programming)",
    r"your (?:\w+ )?(?:rules|tools|functions)", r"(?:which|what) tools",
    r"(?:text|words?|messages?|lines?|everything|sentence|paragraph) (?:that (?:stands?|comes?|is|are) )?"
    r"(?:above|before (?:this|my|the))",
    r"what were you told|you told before|how (?:were|are) you (?:set up|configured|programmed)|who wrote you",
    r"base ?64|rot ?13|hexadecimal|morse|json|yaml|xml|backwards?|in reverse|letter by letter|first letters?|cipher|"
    r"acrostic",
    # Who they are.
    r"i am (?:the|your|a|an|one of the) (?:\w+ )?(?:manager|owner|admin\w*|developers?|engineer|director|boss|ceo|"
    r"programmer|creator|supervisor|auditor|technician|officer)",
    r"this is (?:the|your) (?:\w+ )?(?:manager|owner|developer|admin\w*)",
    # What they want to be told, or done.
    r"(?:confirm|promise|guarantee|agree|declare|swear|admit|repeat after me|just say|say that)\b.{0,60}\b"
    r"(?:free|no charge|nothing|discount|refund|upgrade|half price|owe)",
    r"unlock|override|grant me|give me access|authori[sz]e|sudo|admin",
    r"other (?:venues?|hotels?|clients?|customers?|places?) (?:that |which )?(?:you|do you|use|are)",
    r"venue number",
    # The same in Arabic.
    r"انا (?:ال)?(?:مدير|مديره|مالك|صاحب|مطور|مبرمج|مسؤول|مهندس)\w*", r"معك (?:ال)?(?:مدير|مطور|مسؤول)",
    r"(?:اكد|اوعدني|عدني|اضمن|قل|قولي)\b.{0,60}(?:مجان\w*|خصم|بلا مقابل|استرداد|ترقيه)",
    r"(?:افتح|افتحي)(?: لي)? (?:ال)?(?:باب|خزنه|غرفه|قفل|بوابه)", r"بالمقلوب|حرفا حرفا",
    r"(?:ماذا|ما الذي) قيل لك|(?:كيف|من) برمج\w*", r"(?:فنادق|اماكن|جهات|فندق|منشات) (?:ال)?اخر\w*",
]  # fmt: skip


def speaks_to_a_machine(questions: Sequence[str], passages: Iterable[str]) -> bool:
    """Has the visitor, in the last questions taken together, or has an article?"""
    asked = "\n".join(questions[-TOGETHER:])
    is_asked = bool(reads_like_an_order(asked)) or bool(_claims().search(_spoken(asked)))
    return is_asked or any(reads_like_an_order(text) for text in passages)


def claims_a_deed(sentence: str) -> bool:
    return bool(_deeds().search(_spoken(sentence)))


def _spoken(text: str) -> str:
    return fold(text).replace("’", "'")


@cache
def _deeds() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_DEEDS)})\b")


@cache
def _claims() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_CLAIMS)})\b", re.DOTALL)
