import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge import e5, embedding
from knowledge.embedding import LocalE5, LocalE5AndMiniLM, LocalMiniLM, QuickE5, QuickMiniLM, get_embedder


def test_vectors_have_length_one():
    vectors = get_embedder().embed_passages(["The pool is open.", "", "x" * 50_000])
    assert vectors.shape == (3, get_embedder().dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_are_no_vectors():
    assert get_embedder().embed_queries([]).shape == (0, get_embedder().dimensions)


@pytest.mark.parametrize(
    "question", ["when does the pool open", "متى يفتح المسبح", "पूल कब खुलता है", "quand ouvre la piscine"]
)
def test_a_question_is_near_its_answer_in_any_language(question):
    answer, other = get_embedder().embed_passages(["The pool opens at seven.", "Parking costs AED 75 a night."])
    (asked,) = get_embedder().embed_queries([question])
    assert asked @ answer > asked @ other


def test_english_has_a_second_vector_and_the_first_stays_comparable():
    embedder = LocalE5AndMiniLM()
    (passage,) = embedder.embed_english_passages(["The pool opens at seven."])
    (question,) = embedder.embed_english_queries(["when can i swim"])
    assert np.allclose(np.linalg.norm([passage.reshape(2, -1), question.reshape(2, -1)], axis=2), 1, atol=1e-5)
    assert np.array_equal(passage[:384], embedder.embed_passages(["The pool opens at seven."])[0])
    assert question[:384] @ embedder.embed_queries(["when can i swim"])[0] > 0.97
    assert embedder.embed_english_queries([]).shape == (0, 768)


def test_what_is_quick_of_an_english_question_is_close_to_the_exact_vectors():
    question = "when can i swim in the garden pool"
    (quick,) = LocalE5AndMiniLM().embed_english_queries([question])
    exact = LocalE5().embed_queries([question])[0], LocalMiniLM().embed_queries([question])[0]
    assert [round(float(a @ b), 2) >= 0.98 for a, b in zip(np.split(quick, 2), exact, strict=True)] == [True, True]


def test_the_english_model_gives_the_published_vectors():
    # How near these are with the weights as they were published, in 32 bits.
    happy, very_happy, day = LocalMiniLM().embed_passages(
        ["That is a happy person", "That is a very happy person", "Today is a sunny day"]
    )
    assert happy @ very_happy == pytest.approx(0.943, abs=0.003)
    assert happy @ day == pytest.approx(0.257, abs=0.003)


def test_a_vector_does_not_depend_on_its_neighbours():
    alone = LocalE5().embed_passages(["The pool is open."])[0]
    among = LocalE5().embed_passages(["Something else that is long " * 20, "The pool is open."])[1]
    assert np.array_equal(alone, among)


def test_threads_may_share_the_embedder():
    texts = [f"Room {number} has a view." for number in range(40)]
    alone, shared = get_embedder().embed_queries(texts), LocalE5()
    with ThreadPoolExecutor(4) as pool:
        together = np.concatenate(list(pool.map(lambda text: shared.embed_queries([text]), texts)))
    assert np.array_equal(alone, together)


def test_the_tokenizer_cuts_words_as_the_model_was_taught():
    # Known ids of the XLM-RoBERTa vocabulary: <s> Hello world </s>.
    tokenize = e5.Tokenizer(e5.Weights(e5.weights_path()))
    assert tokenize("Hello world") == [0, 35378, 8999, 2]


def test_preparing_says_what_it_does_and_is_quick_the_second_time(settings, tmp_path):
    settings.MODELS_DIR = tmp_path / "models"
    first, second = [], []
    LocalE5AndMiniLM.prepare(first.append)
    LocalE5AndMiniLM.prepare(second.append)
    models = [LocalE5, QuickE5, LocalMiniLM, QuickMiniLM]
    assert len(first) > len(second) == len(models)
    assert {file.name for file in settings.MODELS_DIR.iterdir()} == {model.graph_path().name for model in models}


@pytest.mark.parametrize("model", [LocalE5, LocalMiniLM])
def test_weights_that_are_not_the_known_ones_are_refused(model, settings, tmp_path, monkeypatch):
    settings.MODELS_DIR = tmp_path / "models"
    (tmp_path / "weights").write_bytes(b"E5S1 something else")
    monkeypatch.setattr(model.source, "weights_path", lambda: tmp_path / "weights")
    with pytest.raises(RuntimeError, match=hashlib.sha256(b"E5S1 something else").hexdigest()):
        model.prepare()
    assert not settings.MODELS_DIR.exists()


def test_settings_choose_the_embedder(settings):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"
    assert get_embedder().name == "hashing"
    embedding.prepare()  # it has nothing to prepare
