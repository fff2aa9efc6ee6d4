"""anthropic-python. What its methods have no parameter for any more, as the temperature, goes in extra_body."""
import unittest

import anthropic
from pydantic import BaseModel

from case import ANN, CALL_BY_ITSELF, CAPITAL, CHAT, KEY, LONG, MODEL, NARROW, SCHEMA, TOO_LONG, WEATHER, ClientCase

TOOLS = [{"name": "get_weather", "description": "Weather in a city", "input_schema": SCHEMA}]


class Person(BaseModel):
    name: str
    age: int


def user(text, **more):
    return {"model": MODEL, "max_tokens": 60, "extra_body": {"temperature": 0}, "messages": [{"role": "user", "content": text}],
            **more}


class AnthropicPython(ClientCase):
    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic(base_url=CHAT, api_key=KEY, max_retries=0)

    def create(self, text, **more):
        return self.client.messages.create(**user(text, **more))

    def streamed(self, text, **more):
        with self.client.messages.stream(**user(text, **more)) as stream:
            return stream.get_final_message()

    def test_chat(self):
        answer = self.create(CAPITAL, system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}])
        self.assertIn("Paris", answer.content[0].text)
        self.assertEqual((answer.stop_reason, answer.model, answer.type), ("end_turn", MODEL, "message"))
        stopped = self.create(CAPITAL, stop_sequences=["Paris"])
        self.assertEqual((stopped.stop_reason, stopped.stop_sequence), ("stop_sequence", "Paris"))
        self.assertEqual(self.create(LONG, max_tokens=3).stop_reason, "max_tokens")

    def test_stream(self):
        whole = self.create(CAPITAL)
        with self.client.messages.stream(**user(CAPITAL)) as stream:
            self.assertEqual("".join(stream.text_stream), whole.content[0].text)
            self.assertEqual(stream.get_final_message().usage.output_tokens, whole.usage.output_tokens)
        kinds = [event.type for event in self.create(CAPITAL, stream=True)]
        self.assertEqual((kinds[:2], kinds[-3:]), (["message_start", "content_block_start"],
                                                   ["content_block_stop", "message_delta", "message_stop"]))

    def test_tools(self):
        named = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
        for text, choice in ((WEATHER, {"type": "any"}), (WEATHER, named), (CALL_BY_ITSELF, {"type": "auto"})):
            for ask in (self.create, self.streamed):
                answer = ask(text, tools=TOOLS, tool_choice=choice)
                (call,) = (block for block in answer.content if block.type == "tool_use")
                self.assertEqual((call.name, call.input, answer.stop_reason), ("get_weather", {"city": "Paris"}, "tool_use"))

    def test_tool_answers(self):
        request = user(WEATHER, tools=TOOLS)
        asked = self.client.messages.create(**request, tool_choice={"type": "any"}).content
        result = {"type": "tool_result", "tool_use_id": asked[0].id, "content": [{"type": "text", "text": "sunny, 21 C"}]}
        request["messages"] += [{"role": "assistant", "content": asked}, {"role": "user", "content": [result]}]
        self.assertIn("sunny", self.client.messages.create(**request).content[0].text)

    def test_schema(self):
        self.assertEqual(self.client.messages.parse(**user(ANN, output_format=Person)).parsed_output.age, 31)
        self.assertEqual(self.streamed(ANN, output_format=Person).parsed_output.age, 31)

    def test_models_and_tokens(self):
        (model,) = self.client.models.list()
        self.assertEqual((model.id, model.type, model.display_name), (MODEL, "model", MODEL))
        self.assertEqual(self.client.models.retrieve(MODEL).created_at, model.created_at)
        counted = self.client.messages.count_tokens(model=MODEL, messages=user(CAPITAL)["messages"]).input_tokens
        usage = self.create(CAPITAL, max_tokens=1).usage
        self.assertEqual(counted, usage.input_tokens + usage.cache_read_input_tokens)

    def test_errors(self):
        image = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}]
        for request, error, words in (({**user("x"), "model": "other"}, anthropic.NotFoundError, "other"),
                                      (user("x", extra_body={"temperature": 9}), anthropic.BadRequestError, "temperature: 9"),
                                      (user(image), anthropic.BadRequestError, "messages[0].content[0].type"),
                                      (user(TOO_LONG), anthropic.BadRequestError, "prompt is too long")):
            for stream in (False, True):
                with self.assertRaisesRegex(error, words.replace("[", r"\[")) as caught:
                    self.client.messages.create(**request, stream=stream)
                self.assertEqual(caught.exception.body["type"], "error")
        with self.assertRaises(anthropic.AuthenticationError):
            self.client.with_options(api_key="other").messages.create(**user("x"))

    def test_cancel(self):
        def begin():
            with self.client.messages.stream(**user(LONG, max_tokens=1500)) as stream:
                next(stream.text_stream), next(stream.text_stream)
        self.check_cancel(begin)

    def test_retries(self):
        narrow = self.client.with_options(base_url=NARROW, max_retries=5)
        self.check_retries(lambda: narrow.messages.create(**user(CAPITAL)).content[0].text)


if __name__ == "__main__":
    unittest.main()
