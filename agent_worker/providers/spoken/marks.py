"""What is common to all languages: marks for the eye, digits of other scripts, the shapes of numbers and addresses."""

from __future__ import annotations

import re

DASH = "[-–—]"
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
# An international number, one that begins with 0, or a free one that begins with 800.
TELEPHONE = r"(?<![\w.,/])(?:(?:\+\d|\(?0\d)(?:[ ()-]{0,2}\d){5,12}|800(?:[ -]?\d){4,8})(?![\w/:])"
EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.\w+"
PAGE = r"(?:https?://|www\.)[^\s,;)]+[\w/]|\b(?:[a-z0-9-]+\.)+(?:com|org|net|ae|sa|qa|io|info|gov|edu)(?:/[\w/-]+)?(?![\w.@-])"
DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789", "\u200e\u200f\u061c")
LONGEST_GROUP = 4  # digits of a telephone number that are said in one breath


def with_plain_digits(text: str) -> str:
    """٠٤ ٥٥٥ ٠١٠٠ as 04 555 0100, ١٬٢٥٠٫٥٠ as 1,250.50, ٥٪ as 5%."""
    text = text.translate(DIGITS)
    text = re.sub(r"(?<=\d)٬(?=\d)", ",", text)
    return re.sub(r"(?<=\d)٫(?=\d)", ".", text).replace("٪", "%")


def groups_of(telephone: str) -> list[str]:
    """The digits of a telephone number as they are said, some in a breath."""
    said: list[str] = []
    for group in re.findall(r"\d+", telephone):
        while len(group) > LONGEST_GROUP:
            said.append(group[:3])
            group = group[3:]
        said.append(group)
    return said


def spelled(address: str) -> str:
    """ "info@palm-court.ae" -> "info at palm dash court dot ae". Addresses are in Latin letters in every language."""
    address = re.sub(r"^(https?://)?(www\.)?", "", address).rstrip("/")
    for mark, word in (("@", "at"), (".", "dot"), ("/", "slash"), ("-", "dash"), ("_", "underscore")):
        address = address.replace(mark, f" {word} ")
    return " ".join(address.split())


def date_in(found: re.Match[str]) -> tuple[int, int, int] | None:
    """Day, month and year of a date that DATE has found, None where there is no such day."""
    if found["iso_year"]:
        year, month, day = int(found["iso_year"]), int(found["iso_month"]), int(found["iso_day"])
    else:
        day, month, year = int(found["day"]), int(found["month"]), int(found["year"])
        if month > 12 >= day:  # written the American way
            day, month = month, day
    return (day, month, year) if 1 <= month <= 12 and 1 <= day <= 31 else None


DATE = (
    r"(?<![\w/.-])(?:(?P<iso_year>(?:19|20)\d\d)-(?P<iso_month>\d{1,2})-(?P<iso_day>\d{1,2})"
    r"|(?P<day>\d{1,2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<year>(?:19|20)\d\d))(?![\w/-])"
)


def without_markup(text: str) -> str:
    """Markdown as plain sentences: what was a mark for the eye is gone, what it marked stays."""
    text = re.sub(r"```.*?```|<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<(https?://[^>\s]+)>", r"\1", text)
    text = re.sub(r"</?[A-Za-z][^>]*>", " ", text)
    text = re.sub(r"(?m)^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*(\|[ \t]*:?-{3,}:?[ \t]*)*\|?[ \t]*$", "", text)  # rules
    text = re.sub(r"(?m)^[ \t]*\|(.+?)\|?[ \t]*$", lambda row: ", ".join(_cells(row[1])) + ".", text)
    text = re.sub(r"(?m)^[ \t]*(?:#{1,6}|>|[-*+•]|\d+[.)])[ \t]+", "", text)
    text = re.sub(r"(\*\*|__|~~|`)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"\1", text)
    text = re.sub(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])", r"\1", text)
    text = re.sub(r"(?<=\s)[*#`~|]+(?=\s|$)|^[*#`~|]+(?=\s|$)", "", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|") if cell.strip()]
