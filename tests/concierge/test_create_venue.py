import json

import pytest
from django.core.management import CommandError, call_command

from concierge.models import Domain, Venue


def create(*arguments, capsys):
    call_command("create_venue", *arguments)
    return capsys.readouterr().out


def test_a_venue_is_created_with_its_host_and_languages(db, capsys, client):
    out = create(
        "dune", "--host", "Dune.Test", "--languages", "ar,en", "--name", "Dune Inn", "--kind", "hotel", capsys=capsys
    )
    assert "Dune Inn (dune) answers on dune.test in ar, en." in out
    venue = Domain.objects.get(host="dune.test").venue
    assert (venue.slug, venue.kind, venue.languages) == ("dune", "hotel", ["ar", "en"])
    assert {text.language: text.name for text in venue.texts.all()} == {"ar": "Dune Inn", "en": "Dune Inn"}


def test_json_tells_what_was_created(db, capsys):
    out = create("dune-inn", "--host", "dune.test", "--languages", "en,ar", "--json", capsys=capsys)
    assert json.loads(out) == {"slug": "dune-inn", "host": "dune.test", "languages": ["en", "ar"], "name": "Dune Inn"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["palm", "--host", "new.test"], "slug 'palm': .*already exists", id="taken slug"),
        pytest.param(["new", "--host", "palm.test"], "host 'palm.test': .*already exists", id="taken host"),
        pytest.param(
            ["new", "--host", "PALM.test."], "host 'PALM.test.': .*already exists", id="taken host, other case"
        ),
        pytest.param(["new venue", "--host", "new.test"], "slug 'new venue': ", id="slug with a space"),
        pytest.param(["new", "--host", "http://new.test/"], "Write the host name alone", id="an address"),
        pytest.param(["new", "--host", "new.test:8000"], "Write the host name alone", id="a port"),
        pytest.param(["new", "--host", "new_venue..test"], "Write the host name alone", id="not a name"),
        pytest.param(["new", "--host", ""], "host '': ", id="no host"),
        pytest.param(["new", "--host", "localhost"], "is the console's host", id="the console"),
        pytest.param(
            ["new", "--host", "new.test", "--languages", "en,tlh"], "'tlh' is no language", id="unknown language"
        ),
        pytest.param(["new", "--host", "new.test", "--languages", ","], "--languages is empty", id="no language"),
        pytest.param(["new", "--host", "new.test", "--kind", "castle"], "kind 'castle': ", id="unknown kind"),
        pytest.param(["new", "--host", "new.test", "--timezone", "Dubai"], "'Dubai' is no time zone", id="time zone"),
        pytest.param(["new", "--host", "new.test", "--name", "x" * 101], "name 'xxx", id="long name"),
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_is_created(palm, arguments, problem):
    with pytest.raises(CommandError, match=problem) as refused:
        call_command("create_venue", *arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert list(Venue.objects.all()) == [palm]
    assert Domain.objects.count() == 1
