"""LiteLLM, by each of the ways it has to a server like this one."""
import os
import unittest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it asks the network for prices otherwise
import litellm
from pydantic import BaseModel

from case import ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, SCHEMA, TOO_LONG, WEATHER, ClientCase

litellm.suppress_debug_info = True
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather in a city", "parameters": SCHEMA}}]
WAYS = {"openai": f"{CHAT}/v1", "hosted_vllm": f"{CHAT}/v1", "anthropic": CHAT, "ollama_chat": CHAT}


class Person(BaseModel):
    name: str
    age: int


def ask(text, way="openai", **more):
    return litellm.completion(**{"model": f"{way}/{MODEL}", "api_base": WAYS[way], "api_key": KEY, "temperature": 0, "max_tokens": 60,
                                 "max_retries": 0, "messages": [{"role": "user", "content": text}], **more})


def streamed(*args, **more):
    return litellm.stream_chunk_builder(list(ask(*args, **more, stream=True)))


class LiteLlm(ClientCase):
    def test_chat(self):
        for way in WAYS:
            answer = ask(CAPITAL, way)
            self.assertIn("Paris", answer.choices[0].message.content, way)
            self.assertEqual(streamed(CAPITAL, way).choices[0].message.content, answer.choices[0].message.content, way)

    def test_tools(self):
        for way, text, choice in (("openai", WEATHER, "required"), ("openai", CALL_BY_ITSELF, "auto"), ("anthropic", WEATHER, "required")):
            for answer in (ask(text, way, tools=TOOLS, tool_choice=choice), streamed(text, way, tools=TOOLS, tool_choice=choice)):
                (call,) = answer.choices[0].message.tool_calls
                self.assertEqual((call.function.name, call.function.arguments), ("get_weather", '{"city": "Paris"}'))

    def test_schema(self):
        answer = ask(ANN, response_format=Person).choices[0].message.content
        self.assertEqual(Person.model_validate_json(answer).age, 31)

    def test_fields_that_nobody_knows(self):
        self.assertIn("Paris", ask(CAPITAL, drop_params=True, safety_identifier="x", some_new_field=3).choices[0].message.content)

    def test_embeddings(self):
        answer = litellm.embedding(model=f"openai/{EMBEDDER}", api_base=f"{EMBED}/v1", api_key=KEY, input=["a cat", "a dog"])
        self.assertEqual([len(item["embedding"]) for item in answer.data], [384, 384])

    def test_errors(self):
        for way in ("openai", "anthropic"):
            for more, error in (({"model": f"{way}/other"}, litellm.NotFoundError), ({"top_p": 9}, litellm.BadRequestError),
                                ({"api_key": "other"}, litellm.AuthenticationError)):
                with self.assertRaises(error):
                    ask("x", way, **more)
            with self.assertRaises(litellm.ContextWindowExceededError):
                ask(TOO_LONG, way)

    def test_cancel(self):
        def begin():
            stream = ask(LONG, max_tokens=1500, stream=True)
            next(stream), next(stream)
            stream.completion_stream.close()
        self.check_cancel(begin)

    def test_retries(self):
        self.check_retries(lambda: ask(CAPITAL, api_base=f"{NARROW}/v1", max_retries=5).choices[0].message.content)


if __name__ == "__main__":
    unittest.main()
