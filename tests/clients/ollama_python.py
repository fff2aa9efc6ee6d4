"""Ollama's Python client. It has no retries."""
import unittest
import warnings

import ollama
from pydantic import BaseModel

from case import (ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, TOO_LONG, WEATHER, ClientCase,
                  occupied)

HEADERS = {"Authorization": f"Bearer {KEY}"}


class Person(BaseModel):
    name: str
    age: int


def get_weather(city: str) -> str:
    """Weather in a city

    Args:
      city: the city
    """
    return "sunny, 21 C in " + city


def user(text, **more):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], "options": {"temperature": 0, "num_predict": 60},
            **more}


class OllamaPython(ClientCase):
    @classmethod
    def setUpClass(cls):
        warnings.filterwarnings("ignore", category=ResourceWarning)  # it never closes its connections
        cls.client = ollama.Client(host=CHAT, headers=HEADERS)
        cls.embedder = ollama.Client(host=EMBED, headers=HEADERS)

    def test_chat(self):
        answer = self.client.chat(**user(CAPITAL))
        self.assertIn("Paris", answer.message.content)
        self.assertEqual((answer.model, answer.done, answer.done_reason), (MODEL, True, "stop"))
        self.assertGreater(answer.eval_count, 0)
        self.assertGreater(answer.total_duration, 0)

    def test_stream(self):
        parts = list(self.client.chat(**user(CAPITAL), stream=True))
        self.assertEqual("".join(part.message.content for part in parts), self.client.chat(**user(CAPITAL)).message.content)
        self.assertEqual([part.done for part in parts], [False] * (len(parts) - 1) + [True])
        self.assertGreater(parts[-1].eval_count, 0)

    def test_generate(self):
        request = {"model": MODEL, "prompt": "The capital of France is", "raw": True, "options": {"temperature": 0, "num_predict": 3}}
        whole = self.client.generate(**request).response
        self.assertIn("Paris", whole)
        self.assertEqual("".join(part.response for part in self.client.generate(**request, stream=True)), whole)

    def test_tools(self):
        request = user(CALL_BY_ITSELF, tools=[get_weather])
        answer = self.client.chat(**request).message
        streamed = [call for part in self.client.chat(**request, stream=True) for call in part.message.tool_calls or []]
        for (call,) in (answer.tool_calls, streamed):
            self.assertEqual((call.function.name, call.function.arguments), ("get_weather", {"city": "Paris"}))
        result = {"role": "tool", "tool_name": "get_weather", "content": get_weather(**call.function.arguments)}
        request = user(WEATHER, tools=[get_weather])
        request["messages"] += [answer, result]
        self.assertTrue(self.client.chat(**request).message.content)

    def test_schema(self):
        request = user(ANN, format=Person.model_json_schema())
        whole = self.client.chat(**request).message.content
        self.assertEqual(Person.model_validate_json(whole).age, 31)
        self.assertEqual("".join(part.message.content for part in self.client.chat(**request, stream=True)), whole)

    def test_models(self):
        self.assertEqual([model.model for model in self.client.list().models], [MODEL])
        self.assertEqual([model.model for model in self.client.ps().models], [MODEL])
        self.assertIn("completion", self.client.show(MODEL).capabilities)
        self.assertIn("embedding", self.embedder.show(EMBEDDER).capabilities)

    def test_embeddings(self):
        vectors = self.embedder.embed(EMBEDDER, ["a cat", "a dog"]).embeddings
        self.assertEqual([len(vector) for vector in vectors], [384, 384])
        self.assertEqual(len(self.embedder.embeddings(EMBEDDER, "a cat").embedding), 384)
        self.assertEqual(len(self.embedder.embed(EMBEDDER, TOO_LONG).embeddings), 1)  # cut, as is its default
        with self.assertRaisesRegex(ollama.ResponseError, "maximum context length"):
            self.embedder.embed(EMBEDDER, TOO_LONG, truncate=False)

    def test_errors(self):
        for request, status, words in (({**user("x"), "model": "other"}, 404, "other"),
                                       (user("x", options={"temperature": "hot"}), 400, "options.temperature"),
                                       (user(TOO_LONG), 400, "too long")):
            for stream in (False, True):
                with self.assertRaisesRegex(ollama.ResponseError, words) as caught:
                    list(self.client.chat(**request, stream=stream))
                self.assertEqual(caught.exception.status_code, status)
        with self.assertRaises(ollama.ResponseError) as caught:
            ollama.Client(host=CHAT).list()
        self.assertEqual(caught.exception.status_code, 401)
        with occupied(), self.assertRaises(ollama.ResponseError) as caught:
            ollama.Client(host=NARROW, headers=HEADERS).chat(**user("x"))
        self.assertEqual(caught.exception.status_code, 429)

    def test_cancel(self):
        def begin():
            stream = self.client.chat(**user(LONG, options={"num_predict": 1500}), stream=True)
            next(stream), next(stream)
            stream.close()
        self.check_cancel(begin)


if __name__ == "__main__":
    unittest.main()
