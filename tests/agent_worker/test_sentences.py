import asyncio

import pytest

from agent_worker.providers.sentences import SentenceSplitter, sentences

TEXTS = {
    "two questions": ["Is it open? ", "It is!"],
    "an abbreviation of the day": ["The pool opens at 7 a.m. and closes at 11 p.m. ", "Towels are free."],
    "a small letter goes on": ["From 6 a.m. to noon it is calm."],
    "a title": ["Ask Dr. Sara Khan at the clinic. ", "She is in today."],
    "a saint": ["The St. Regis is next door. ", "Turn left."],
    "a price": ["A suite costs AED 1,250.50 a night. ", "Breakfast is included."],
    "an initial": ["Mr. J. Smith will help you. ", "He speaks Arabic."],
    "a time": ["It opens at 6.30 and closes at 10.30. ", "Come early."],
    "an address": ["Write to info@palm.ae or see palm.ae. ", "Somebody answers."],
    "a number": ["Ask for room no. 5 at the desk. ", "It is quiet."],
    "a short one waits for company": ["Yes. It opens at seven. ", "Children swim until six."],
    "quotes": ['They say "Come in." ', "Nobody waits."],
    "Arabic": ["هل المسبح مفتوح الآن؟ ", "نعم، يفتح من السابعة صباحاً؛ وهو مجاني للنزلاء. ", "أهلاً وسهلاً بكم!"],
    "an Arabic title": ["العيادة عند د. سارة في الطابق الثاني. ", "تفضّل."],
    "an Arabic price": ["السعر 1,250.50 درهماً في الليلة. ", "الإفطار مشمول."],
    "lines": ["The bar closes late\n", "The gym never closes\n", "Ask us"],
    "dots": ["Let me see... ", "The desk knows that."],
}


def streamed(text: str, size: int) -> list[str]:
    async def run():
        stream = SentenceSplitter().stream()
        for start in range(0, len(text), size):
            stream.push_text(text[start : start + size])
        stream.end_input()
        return [event.token async for event in stream]

    return asyncio.run(run())


@pytest.mark.parametrize("expected", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_split_at_the_ends_of_its_sentences(expected):
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("expected", TEXTS.values(), ids=TEXTS.keys())
def test_text_that_comes_bit_by_bit_is_split_in_the_same_places(expected, size):
    parts = streamed("".join(expected), size)
    assert [part.strip() for part in parts] == [part.strip() for part in expected]
    assert "".join(parts) == "".join(expected)


@pytest.mark.parametrize(
    "said", ["The pool opens at seven. ", "هل تريد شيئاً آخر؟ ", "It opens at 7 p.m. T", "Welcome!\n"]
)
def test_a_sentence_is_handed_over_as_soon_as_it_is_whole(said):
    async def run():
        stream = SentenceSplitter().stream()
        stream.push_text(said)
        first = await asyncio.wait_for(anext(aiter(stream)), 1)
        await stream.aclose()
        return first.token

    assert asyncio.run(run()).strip() == said.removesuffix("T").strip()


def test_a_sentence_without_end_is_spoken_in_parts():
    text = "There is a pool, " * 40
    parts = sentences(text)
    assert "".join(parts) == text
    assert all(len(part) <= 240 for part in parts)
    assert len(parts) > 2
