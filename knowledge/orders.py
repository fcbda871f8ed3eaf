"""Does a text speak to a machine instead of to a visitor? Pure rules in English and Arabic; they decide nothing.

Two readers: the editors' page warns of such an article, and the agent looks twice at what it says after such words.
"""

from __future__ import annotations

import re
from functools import cache

from knowledge.lexical import fold

# Shapes of folded text (small letters, Arabic letters in their plain shape), between word boundaries.
_ORDERS = [
    # Forget what you were told.
    r"(?:ignore|disregard|forget|override|bypass|overrule|discard|drop)\b[^.!?؟\n]{0,40}\b(?:instructions?|rules?|prompts?|"
    r"guidelines|restrictions?|orders|directives?|training|told|you know|came before)",
    r"(?:new|updated|real|true|actual|hidden|secret|initial|original) (?:instructions?|directives?|orders) "
    r"(?:for|to|are)",
    r"(?:system|developer|hidden|initial|secret) (?:prompt|message|instructions?)",
    r"(?:the|your|this) prompt",
    # Say what you were told.
    r"(?:repeat|print|output|reveal|recite|quote|echo|spell out|dump|translate|encode|leak|disclose|"
    r"summari[sz]e)\b[^.!?؟\n]{0,60}\b(?:above|instructions?|prompt|verbatim|word for word|system|configuration)",
    # Be somebody else.
    r"you are (?:now|no longer|from now on)", r"from now on,? you", r"(?:pretend|imagine) (?:that )?(?:you|to be)",
    r"act as (?:if|though|an?|the|my)", r"role ?play", r"play the (?:role|part) of",
    r"(?:developer|debug|god|admin|maintenance|unrestricted|jailbreak) mode", r"jail ?break",
    # Whom it is written for.
    r"(?:note|message|instructions?|attention|important)\b[^.!?؟\n]{0,12}\b(?:to|for) (?:the |all |any )?(?:ai|"
    r"assistants?|(?:language )?models?|chat ?bots?|bots?|llms?|agents?)",
    r"(?:ai|assistant|language model|chat ?bot|bot|llm) (?:must|should|shall|has to|is to|needs to|will now|may not)",
    r"as an? (?:ai|assistant|language model)",
    r"when(?:ever)? (?:you|the (?:assistant|model|ai|bot)) (?:reads?|sees?|process(?:es)?) this",
    r"(?:call|run|execute|invoke|trigger) (?:the |your |a )?(?:[a-z]+ )?(?:tools?|functions?)",
    r"(?:call|run|use|execute|invoke|trigger) (?:the |your )?[a-z]+_[a-z_]+",
    r"(?:tell|inform) (?:every|each|all|any) (?:visitor|guest|caller|customer|user)s? that",
    # The same in Arabic.
    r"(?:تجاهل|انس|تخط|اهمل|تجاوز|الغ)(?:ي|وا|ى)?\b[^.!?؟\n]{0,40}\b(?:ال)?(?:تعليمات|قواعد|اوامر|توجيهات|قيود)(?:ك|كم)?",
    r"(?:تعليماتك|برمجتك|توجيهاتك|قواعدك|اوامرك)",
    r"(?:رساله|موجه|تعليمات|اوامر|نص) (?:ال)?نظام", r"(?:ال)?برومبت",
    r"(?:كرر|اعد|اطبع|ترجم|اكشف|اعرض|لخص|اقرا|اكتب|رمز)(?:ي|وا)?\b[^.!?؟\n]{0,60}\b"
    r"(?:اعلاه|حرفيا|التعليمات|تعليمات|ما سبق|كلمه بكلمه)",
    r"(?:انت|انك) (?:الان|من الان)", r"من الان فصاعدا", r"(?:تظاهر|تصرف|تقمص|تخيل) (?:ب?انك|كانك|ك\w+|شخصيه|دور)",
    r"(?:مثل|العب|ادي?) دور", r"وضع (?:المطور|الصيانه|المسؤول)",
    r"(?:ال)?(?:مساعد|نموذج|روبوت|ذكاء الاصطناعي)(?: الالي| اللغوي)? (?:يجب|عليه|ينبغي|لا بد)",
    r"(?:يجب|ينبغي|علي) (?:علي )?(?:ال)?(?:مساعد|نموذج|روبوت|ذكاء الاصطناعي)",
    r"(?:ملاحظه|رساله|تعليمات|توجيه)\b[^.!?؟\n]{0,12}(?:لل|الي ال)(?:مساعد|نموذج|ذكاء|روبوت)",
    r"(?:استدع|شغل|نفذ)(?:ي)?\b[^.!?؟\n]{0,20}(?:اداه|الاداه|وظيفه|داله|[a-z]+_[a-z_]+)",
]  # fmt: skip
# Shapes of the text as it is written: what stands between a program and its model.
_MARKS = [
    r"<\s*/?\s*(?:system|assistant|user|tool|instructions?|prompt|im_start|im_end)\b", r"<\|[^>]{0,40}\|?>",
    r"\[/?(?:INST|SYS|SYSTEM|ASSISTANT|TOOL)\]", r"^\W{0,6}(?:system|assistant|developer|tool)\s*(?:message)?\s*:",
    r"[\"'](?:role|tool_calls?|function_call|arguments|passages|found)[\"']\s*:",
    r"(?:BEGIN|END) (?:SYSTEM|PROMPT|INSTRUCTIONS)",
]  # fmt: skip


def reads_like_an_order(text: str) -> str:
    """The first words that read like an order to a model, empty if there are none."""
    if found := _marks().search(text):
        return found.group().strip()
    # Without what cannot be seen: it may stand between the letters of such words.
    found = _orders().search(fold(re.sub(r"[\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00ad]", "", text)))
    return found.group().strip() if found else ""


@cache
def _orders() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_ORDERS)})\b", re.DOTALL)


@cache
def _marks() -> re.Pattern[str]:
    return re.compile("|".join(_MARKS), re.IGNORECASE | re.MULTILINE)
