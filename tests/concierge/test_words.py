"""Every sentence that a visitor or an editor can meet is there in Arabic, and what is compiled is what is written."""

import ast
import gettext
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = settings.BASE_DIR
CATALOGUE = ROOT / "locale" / "ar" / "LC_MESSAGES" / "django"
VISITOR_TEMPLATES = sorted((ROOT / "templates" / "concierge").glob("*.html"))
VISITOR_CODE = [ROOT / "concierge" / "places.py", ROOT / "concierge" / "words.py"]
VISITOR_CODE += [path for path in (ROOT / "voice").glob("*.py") if "gettext as _" in path.read_text(encoding="utf-8")]
# Staff read English.
VISITOR_CODE = [path for path in VISITOR_CODE if path.name != "staff.py"]
EDITOR_TEMPLATES = [*sorted((ROOT / "templates" / "knowledge").glob("*.html")), ROOT / "templates" / "console.html"]
EDITOR_TEMPLATES += [
    ROOT / "templates" / "voice" / name for name in ("try.html", "_tried.html", "gaps.html", "gap.html")
]
EDITOR_CODE = [ROOT / "concierge" / "occasions.py", ROOT / "voice" / "trying.py"]
EDITOR_CODE += [path for path in (ROOT / "knowledge").glob("*.py") if " as _" in path.read_text(encoding="utf-8")]
EDITOR_CODE += [ROOT / "knowledge" / name for name in ("intake.py", "importing.py", "fetching.py", "evaluation.py")]
EDITOR_CODE += sorted((ROOT / "knowledge" / "reading").glob("*.py"))

Message = tuple[str, str]  # context, words


def messages_in(source: str) -> set[Message]:
    found: set[Message] = set()
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        # What is said of a file is kept in English and put into the reader's words where it is shown.
        is_said = call.func.id in {"BadInput", "Outdated", "Unreadable", "Sentence", "translatable"}
        if texts and (is_said or call.func.id in {"_", "gettext", "ngettext"}):
            found.add(("", texts[-1] if call.func.id in {"BadInput", "Outdated"} else texts[0]))
        elif call.func.id in {"pgettext", "npgettext"}:
            found.add((texts[0], texts[1]))
    return found


def messages_in_template(path: Path) -> set[Message]:
    lines = templatize(path.read_text(encoding="utf-8")).splitlines()
    calls = re.findall(
        r"\bn?p?gettext\((?:[^()\"']|u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\")*\)|\b_\(u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)",
        "\n".join(lines),
    )
    return set().union(*(messages_in(call) for call in calls))


@cache
def written() -> dict[tuple[str, str], list[str]]:
    """The .po file: (context, words) -> translations. It is ours and simple, so reading it takes a few lines."""
    entries: dict[tuple[str, str], list[str]] = {}
    for block in CATALOGUE.with_suffix(".po").read_text(encoding="utf-8").split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if match := re.match(r'(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")$', line):
                name = match[1]
                fields[name] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                fields[name] += ast.literal_eval(line)
        if "msgid" in fields:
            translations = [text for field, text in fields.items() if field.startswith("msgstr")]
            entries[fields.get("msgctxt", ""), fields["msgid"]] = translations
    return entries


def compiled() -> gettext.GNUTranslations:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize(
    "path", [*VISITOR_TEMPLATES, *VISITOR_CODE, *EDITOR_TEMPLATES, *EDITOR_CODE], ids=lambda path: path.name
)
def test_every_sentence_for_visitors_and_editors_is_there_in_arabic(path):
    found = messages_in_template(path) if path.suffix == ".html" else messages_in(path.read_text(encoding="utf-8"))
    arabic = written()
    missing = {message for message in found if not all(arabic.get(message, [""]))}
    assert not missing, f"Write these in {CATALOGUE}.po: {missing}"


def test_the_search_for_sentences_finds_what_is_there():
    assert ("button", "Talk") in set().union(*(messages_in_template(path) for path in VISITOR_TEMPLATES))
    assert ("", "Listening") in messages_in(VISITOR_CODE[1].read_text(encoding="utf-8"))
    refusals = messages_in((ROOT / "knowledge" / "fetching.py").read_text(encoding="utf-8"))
    assert {("", "the connection broke"), ("", "%(host)s does not answer")} <= refusals


def test_what_is_compiled_is_what_is_written():
    catalogue = compiled()._catalog  # type: ignore[attr-defined]
    for (context, words), translations in written().items():
        if not words:
            continue
        key = f"{context}\x04{words}" if context else words
        in_use = [catalogue[key]] if key in catalogue else [catalogue[key, form] for form in range(len(translations))]
        assert in_use == translations, f"Run msgfmt: {words!r} is older in the .mo file."


def test_translations_keep_their_placeholders():
    for (_context, words), translations in written().items():
        names = set(re.findall(r"%\(\w+\)s|\{\w+\}", words))
        for translation in translations[-1:]:
            assert names == set(re.findall(r"%\(\w+\)s|\{\w+\}", translation)), words
