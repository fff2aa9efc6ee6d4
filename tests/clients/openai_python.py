"""openai-python."""
import math
import os
import unittest
from typing import Literal

import openai
from pydantic import BaseModel

from case import (ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, SCHEMA, TOO_LONG, WEATHER,
                  ClientCase)
from serving import Server

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather in a city", "parameters": SCHEMA}}]
PARIS = '{"city": "Paris"}'


class Person(BaseModel):
    name: str
    age: int
    kind: Literal["man", "woman"]


class Weather(BaseModel):
    """Weather in a city"""
    city: str


def user(text, **more):
    return {"model": MODEL, "temperature": 0, "max_tokens": 60, "messages": [{"role": "user", "content": text}], **more}


def respond(text, **more):
    return {"model": MODEL, "temperature": 0, "max_output_tokens": 60, "input": text, **more}


class OpenAiPython(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.client = openai.OpenAI(base_url=f"{CHAT}/v1", api_key=KEY, max_retries=0)
        cls.embedder = cls.client.with_options(base_url=f"{EMBED}/v1")

    def create(self, text, **more):
        return self.client.chat.completions.create(**user(text, **more))

    def test_chat(self):
        answer = self.create(CAPITAL)
        self.assertIn("Paris", answer.choices[0].message.content)
        self.assertEqual((answer.choices[0].finish_reason, answer.model), ("stop", MODEL))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.assertTrue(answer._request_id)

    def test_several_answers_with_logprobs(self):
        answer = self.create(CAPITAL, n=2, temperature=1, seed=1, max_tokens=4, logprobs=True, top_logprobs=3)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        for token in answer.choices[1].logprobs.content:
            self.assertTrue(all(math.isfinite(top.logprob) for top in token.top_logprobs))
            self.assertEqual(bytes(token.bytes).decode(), token.token)

    def test_stream(self):
        chunks = list(self.create(CAPITAL, stream=True, stream_options={"include_usage": True}))
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]),
                         self.create(CAPITAL).choices[0].message.content)
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)

    def test_stream_helper(self):
        with self.client.chat.completions.stream(**user(CAPITAL)) as stream:
            kinds = {event.type for event in stream}
            self.assertIn("Paris", stream.get_final_completion().choices[0].message.content)
        self.assertEqual(kinds, {"chunk", "content.delta", "content.done"})

    def test_tools(self):
        named = {"type": "function", "function": {"name": "get_weather"}}
        for text, choice in ((WEATHER, "required"), (WEATHER, named), (CALL_BY_ITSELF, "auto")):
            more = {"tools": TOOLS, "tool_choice": choice, "parallel_tool_calls": False}
            with self.client.chat.completions.stream(**user(text, **more)) as stream:
                streamed = stream.get_final_completion()
            for answer in (self.create(text, **more), streamed):
                (call,) = answer.choices[0].message.tool_calls
                self.assertEqual((call.function.name, call.function.arguments), ("get_weather", PARIS), choice)
                self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertIsNone(self.create(WEATHER, tools=TOOLS, tool_choice="none").choices[0].message.tool_calls)

    def test_tool_of_a_class(self):
        answer = self.client.chat.completions.parse(
            **user(WEATHER, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required"))
        self.assertEqual(answer.choices[0].message.tool_calls[0].function.parsed_arguments, Weather(city="Paris"))

    def test_tool_answers(self):
        request = user(WEATHER, tools=TOOLS)
        asked = self.client.chat.completions.create(**request, tool_choice="required").choices[0].message
        request["messages"] += [asked, {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "sunny, 21 C"}]
        self.assertIn("sunny", self.client.chat.completions.create(**request).choices[0].message.content)

    def test_schema(self):
        parsed = self.client.chat.completions.parse(**user(ANN, response_format=Person)).choices[0].message.parsed
        with self.client.chat.completions.stream(**user(ANN, response_format=Person)) as stream:
            self.assertEqual(stream.get_final_completion().choices[0].message.parsed, parsed)
        self.assertEqual(parsed.age, 31)
        with self.assertRaises(openai.LengthFinishReasonError):
            self.client.chat.completions.parse(**user(ANN, response_format=Person, max_tokens=5))

    def test_responses(self):
        self.assertIn("Paris", self.client.responses.create(**respond(CAPITAL)).output_text)
        with self.client.responses.stream(**respond(CAPITAL)) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            self.assertEqual(stream.get_final_response().output_text, text)
        self.assertEqual(self.client.responses.parse(**respond(ANN, text_format=Person)).output_parsed.age, 31)
        with self.client.responses.stream(**respond(ANN, text_format=Person)) as stream:
            self.assertEqual(stream.get_final_response().output_parsed.age, 31)

    def test_response_tools(self):
        more = {"tools": [openai.pydantic_function_tool(Weather)], "tool_choice": "required"}
        with self.client.responses.stream(**respond(WEATHER, **more)) as stream:
            streamed = stream.get_final_response()
        for answer in (self.client.responses.parse(**respond(WEATHER, **more)), streamed):
            self.assertEqual(answer.output[0].parsed_arguments, Weather(city="Paris"))

    def test_completions(self):
        request = {"model": MODEL, "prompt": "The capital of France is", "max_tokens": 3, "temperature": 0}
        whole = self.client.completions.create(**request).choices[0].text
        self.assertIn("Paris", whole)
        self.assertEqual("".join(c.choices[0].text for c in self.client.completions.create(**request, stream=True)), whole)

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], [MODEL])
        self.assertEqual(self.client.models.retrieve(MODEL).object, "model")

    def test_embeddings(self):
        texts = ["a cat", "a dog"]
        packed = self.embedder.embeddings.create(model=EMBEDDER, input=texts)  # base64, which it unpacks
        plain = self.embedder.embeddings.create(model=EMBEDDER, input=texts, encoding_format="float")
        for one, other in zip(packed.data, plain.data, strict=True):
            self.assertLess(max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True)), 1e-6)
        self.assertEqual(len(self.embedder.embeddings.create(model=EMBEDDER, input="a", dimensions=64).data[0].embedding), 64)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.embedder.embeddings.create(model=EMBEDDER, input=TOO_LONG)
        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_errors(self):
        image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}]
        for request, error, code, param in (
                ({**user("x"), "model": "other"}, openai.NotFoundError, "model_not_found", "model"),
                ({**user("x"), "temperature": 9}, openai.BadRequestError, "invalid_value", "temperature"),
                (user(image), openai.BadRequestError, "invalid_value", "messages[0].content[0].type"),
                (user(TOO_LONG), openai.BadRequestError, "context_length_exceeded", "messages")):
            for stream in (False, True):
                with self.assertRaises(error) as caught:
                    self.client.chat.completions.create(**request, stream=stream)
                self.assertEqual((caught.exception.code, caught.exception.param), (code, param))
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="other").models.list()

    def test_cancel(self):
        def begin():
            with self.create(LONG, max_tokens=1500, stream=True) as stream:
                next(stream), next(stream)
        self.check_cancel(begin)

    def test_retries(self):
        narrow = self.client.with_options(base_url=f"{NARROW}/v1", max_retries=5)
        self.check_retries(lambda: narrow.chat.completions.create(**user(CAPITAL)).choices[0].message.content)

    def test_a_server_that_ends(self):
        server = Server(os.environ["TERN_BINARY"], MODEL)
        client = self.client.with_options(base_url=f"{server.url()}/v1")
        stream = client.chat.completions.create(**user(LONG, extra_body={"ignore_eos": True}, stream=True))
        next(stream)
        server.tell_to_end()
        with self.assertRaises(openai.InternalServerError) as caught:
            while True:  # until the signal has reached it
                client.models.list()
        self.assertEqual((caught.exception.status_code, caught.exception.code), (503, "draining"))
        self.assertTrue(caught.exception.response.headers["retry-after"].isdigit())
        self.assertEqual([chunk.choices[0].finish_reason for chunk in stream][-1], "length")
        self.assertEqual(server.status(), 0)


if __name__ == "__main__":
    unittest.main()
