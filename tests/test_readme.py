"""What README.md tells a newcomer to type exists, and .ci/run does the same."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from concierge import demo_logins

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README))))
def test_every_make_command_exists(target):
    assert target in TARGETS


@pytest.mark.parametrize("command", sorted(set(re.findall(r"manage\.py ([a-z_]+)", README))))
def test_every_management_command_exists(command):
    assert command in get_commands()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"docs/pictures/([\w-]+)\.png", README))))
def test_every_picture_is_taken_by_the_script(name):
    assert f'"{name}"' in (ROOT / "tests/pictures.py").read_text()


@pytest.mark.parametrize("file", sorted(set(re.findall(r"\]\(([\w./-]+\.md)\)", README))))
def test_every_page_that_is_pointed_to_exists(file):
    assert (ROOT / file).is_file()


def test_ci_runs_the_test_command_of_the_readme():
    assert "make test " in README
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("\nmake test")


def test_the_logins_are_the_real_ones():
    for login in demo_logins.LOGINS:
        assert f"`{login.user}`" in README
        assert f"`{login.password}`" in README


def test_make_help_lists_every_command_that_is_for_people():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    described = set(re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(phony) == TARGETS == described
