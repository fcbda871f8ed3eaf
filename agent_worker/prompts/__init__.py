"""All language written for the model, as Markdown files. `prompt(name, **facts)` fills the facts in."""

from functools import cache
from pathlib import Path
from string import Template


def prompt(name: str, **facts: str) -> str:
    """The text of prompts/<name>.md with every $fact filled in. Raises KeyError if a fact is missing."""
    return _template(name).substitute(facts)


@cache
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / f"{name}.md").read_text().strip())
