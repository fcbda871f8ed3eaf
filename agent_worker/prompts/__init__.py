"""All language written for the model, as Markdown files. `prompt(file, **facts)` fills the facts in."""

from functools import cache
from pathlib import Path
from string import Template


def prompt(file: str, /, **facts: str) -> str:
    """The text of prompts/<file>.md with every $fact filled in. Raises KeyError if a fact is missing."""
    return _template(file).substitute(facts)


@cache
def _template(file: str) -> Template:
    return Template((Path(__file__).parent / f"{file}.md").read_text().strip())
