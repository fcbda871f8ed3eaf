"""What Prometheus reads of web, and what is counted where it happens. Counters go on for ever: tests compare."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.factories import create_call, create_worker
from voice import lines
from voice.models import Call

TOKEN = "a-long-token"

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(client, settings):
    """Read /metrics as Prometheus does: (name, labels) -> value."""
    settings.METRICS_TOKEN = TOKEN

    def read():
        response = scrape(client)
        assert response.status_code == 200
        families = text_string_to_metric_families(response.text)
        return {
            (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
            if not sample.name.endswith("_created")  # a moment, and no count
        }

    return read


def scrape(client, authorization=f"Bearer {TOKEN}", host="localhost"):
    headers = {"host": host} | ({"authorization": authorization} if authorization else {})
    return client.get("/metrics", headers=headers)


def ask_for_a_call(client, body="{}", **headers):
    return client.post("/voice/token", body, content_type="application/json", headers={"host": "palm.test", **headers})


def grown(before, after):
    return {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}


def test_there_are_no_metrics_until_a_token_is_set(client, settings):
    assert settings.METRICS_TOKEN == "", "off by default"
    for authorization in (None, "Bearer ", f"Bearer {TOKEN}"):
        assert scrape(client, authorization).status_code == 404


@pytest.mark.parametrize(
    "authorization", [None, "", TOKEN, "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"]
)
def test_whoever_does_not_bring_the_token_reads_nothing(client, settings, authorization):
    settings.METRICS_TOKEN = TOKEN
    response = scrape(client, authorization)
    assert (response.status_code, response.content) == (401, b"")


def test_a_venues_host_has_no_metrics_even_with_the_token(client, settings, palm):
    settings.METRICS_TOKEN = TOKEN
    assert scrape(client, host="palm.test").status_code == 404


def test_calls_are_counted_by_state_and_workers_by_slots(palm, rival, read):
    create_call(venue=palm, state=Call.State.LIVE)
    create_call(venue=rival, state=Call.State.LIVE)
    create_call(venue=palm, state=Call.State.ENDED)
    create_worker(free_slots=3)
    create_worker(free_slots=0)
    seen = read()
    assert [seen["concierge_calls", f"state={state}"] for state in ("opened", "live", "ended")] == [0, 2, 1]
    assert (seen["concierge_slots", "state=total"], seen["concierge_slots", "state=free"]) == (8, 3)
    assert seen[("concierge_workers",)] == 2


def test_without_calls_and_workers_there_are_zeros(read):
    seen = read()
    assert (seen["concierge_calls", "state=live"], seen["concierge_slots", "state=free"]) == (0, 0)


def test_refused_tokens_are_counted_by_reason(client, palm, livekit, read):
    before = read()
    assert ask_for_a_call(client).status_code == 503
    assert ask_for_a_call(client, json.dumps({"room": "mine"})).status_code == 400
    assert ask_for_a_call(client, origin="https://evil.example").status_code == 403
    create_worker()
    assert ask_for_a_call(client).status_code == 201
    lines.forget_addresses()
    refused = {key[1]: value for key, value in grown(before, read()).items() if key[0].startswith("concierge_tokens")}
    assert refused.keys() >= {"reason=not_available", "reason=bad_request", "reason=foreign_origin"}
    assert refused["reason=bad_request"] == refused["reason=not_available"] == 1


def test_turns_are_counted_and_each_stage_of_an_answer_is_timed(palm, read, django_capture_on_commit_callbacks):
    call = create_call(venue=palm)
    before = read()
    with django_capture_on_commit_callbacks(execute=True):
        call.add_turn("visitor", "When does the pool open?")
        answer = call.add_turn(
            "agent", "At six.", is_answered=True, metrics={"stt_ms": 120, "ear_ms": 900, "odd_ms": 1}
        )
        late = call.add_turn("agent", "I do not know.", is_answered=False, metrics={"stt_ms": 400})
        late.note_ear(1400)
        answer.note_ear(1)  # it has one
        call.note_greeting(800)
        call.note_greeting(900)
    new = grown(before, read())
    assert new["concierge_turns_total", "answered=none", "speaker=visitor"] == 1
    assert new["concierge_turns_total", "answered=yes", "speaker=agent"] == 1
    assert new["concierge_turns_total", "answered=no", "speaker=agent"] == 1
    assert new["concierge_stage_seconds_sum", "stage=stt"] == pytest.approx(0.52)
    assert new["concierge_stage_seconds_count", "stage=ear"] == 2
    assert new["concierge_stage_seconds_sum", "stage=ear"] == pytest.approx(2.3)
    assert new["concierge_stage_seconds_bucket", "le=1.0", "stage=ear"] == 1
    assert (new[("concierge_greeting_seconds_count",)], new[("concierge_greeting_seconds_sum",)]) == (1, 0.8)
    assert not any("stage=odd" in key for key in new)
