"""Each setting is read in concierge/settings.py, listed in .env.example and explained in docs/settings.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Defaults that are no single literal in the code: what the two files say of them is prose.
COMPUTED = {
    "SECRET_KEY",
    "CONCIERGE_DATA_DIR",
    "CONCIERGE_CACHE_DIR",
    "XDG_CACHE_HOME",
    "DATABASE_URL",
    "LIVEKIT_PUBLIC_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
}


def read_in_settings() -> dict[str, str]:
    """Variable -> its default, in the words of the environment."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / "concierge/settings.py").read_text())):
        if not isinstance(node, ast.Call) or not node.args or not re.match(r"env\b", ast.unparse(node.func)):
            continue
        name = node.args[0]
        if isinstance(name, ast.Constant):
            default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
            found[name.value] = in_words(ast.literal_eval(default)) if name.value not in COMPUTED else ""
    return found


def in_words(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(default) if isinstance(default, list) else str(default)


def in_example() -> dict[str, str]:
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def in_docs() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    return {name: (default.strip("`"), sentence) for name, default, sentence in rows}


def test_every_setting_is_listed_in_the_example_and_explained_in_the_docs():
    assert read_in_settings().keys() == in_example().keys() == in_docs().keys()


@pytest.mark.parametrize(
    ("name", "default"), sorted((n, d) for n, d in read_in_settings().items() if n not in COMPUTED)
)
def test_the_defaults_in_both_files_are_the_real_ones(name, default):
    assert in_example()[name] == default
    assert in_docs()[name][0] == (default or "empty")


@pytest.mark.parametrize("name", sorted(in_docs()))
def test_each_explanation_is_a_sentence(name):
    sentence = in_docs()[name][1]
    assert sentence[0].isupper() or sentence[0] == "`"
    assert sentence.endswith(".")
