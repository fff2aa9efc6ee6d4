"""LangChain's ChatOpenAI and OpenAIEmbeddings."""
import unittest
import warnings

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from case import (ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, TOO_LONG, WEATHER, ClientCase)


class Person(BaseModel):
    """A person"""
    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Weather in a city"""
    return "sunny, 21 C in " + city


def model(**more):
    return ChatOpenAI(**{"model": MODEL, "base_url": f"{CHAT}/v1", "api_key": KEY, "temperature": 0, "max_tokens": 60,
                         "max_retries": 0, **more})


def whole(stream):
    total = None
    for chunk in stream:
        total = chunk if total is None else total + chunk
    return total


class LangChain(ClientCase):
    def test_chat(self):
        for more in ({}, {"use_responses_api": True}):
            answer = model(**more).invoke(CAPITAL)
            self.assertIn("Paris", answer.text)
            self.assertGreater(answer.usage_metadata["output_tokens"], 0)
            streamed = whole(model(**more, stream_usage=True).stream(CAPITAL))
            self.assertEqual((streamed.text, streamed.usage_metadata["output_tokens"]),
                             (answer.text, answer.usage_metadata["output_tokens"]))

    def test_tools(self):
        for text, choice, more in ((WEATHER, "any", {}), (WEATHER, "get_weather", {}), (CALL_BY_ITSELF, "auto", {}),
                                   (WEATHER, "any", {"use_responses_api": True})):
            bound = model(**more).bind_tools([get_weather], tool_choice=choice, parallel_tool_calls=False, strict=True)
            for answer in (bound.invoke(text), whole(bound.stream(text))):
                (call,) = answer.tool_calls
                self.assertEqual((call["name"], call["args"]), ("get_weather", {"city": "Paris"}))
                self.assertTrue(call["id"])

    def test_tool_answers(self):
        messages = [HumanMessage(WEATHER)]
        messages.append(model().bind_tools([get_weather], tool_choice="any").invoke(messages))
        messages += [get_weather.invoke(call) for call in messages[-1].tool_calls]
        self.assertIn("sunny", model().bind_tools([get_weather]).invoke(messages).text)

    def test_schema(self):
        warnings.filterwarnings("ignore", "Pydantic serializer warnings")  # LangChain's own, of what it keeps parsed
        for method in ("json_schema", "function_calling"):
            self.assertEqual(model().with_structured_output(Person, method=method).invoke(ANN).age, 31)
        as_json = model().with_structured_output(Person, method="json_mode")
        self.assertEqual(as_json.invoke("Ann is 31 years old. Give JSON with her name and age.").age, 31)
        self.assertEqual(model(use_responses_api=True).with_structured_output(Person).invoke(ANN).age, 31)
        self.assertEqual(list(model().with_structured_output(Person).stream(ANN))[-1].age, 31)

    def test_batch(self):
        answers = model(max_tokens=8).batch([CAPITAL, "Say yes.", "Say no."])
        self.assertEqual(answers[0].text, model(max_tokens=8).invoke(CAPITAL).text)

    def test_embeddings(self):
        embeddings = OpenAIEmbeddings(model=EMBEDDER, base_url=f"{EMBED}/v1", api_key=KEY, check_embedding_ctx_length=False)
        vectors = embeddings.embed_documents(["a cat", "a dog"])
        self.assertAlmostEqual(sum(x * x for x in vectors[1]), 1, places=5)  # base64, unpacked well

    def test_errors(self):
        for more, text, error in (({"model": "other"}, "x", openai.NotFoundError), ({"temperature": 9}, "x", openai.BadRequestError),
                                  ({}, TOO_LONG, ContextOverflowError), ({"api_key": "other"}, "x", openai.AuthenticationError)):
            with self.assertRaises(error):
                model(**more).invoke(text)
            with self.assertRaises(error):
                list(model(**more).stream(text))

    def test_cancel(self):
        def begin():
            stream = model(max_tokens=1500).stream(LONG)
            next(stream), next(stream)
            stream.close()
        self.check_cancel(begin)

    def test_retries(self):
        narrow = model(base_url=f"{NARROW}/v1", max_retries=5)
        self.check_retries(lambda: narrow.invoke(CAPITAL).text)


if __name__ == "__main__":
    unittest.main()
