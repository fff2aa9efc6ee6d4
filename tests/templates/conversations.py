"""Conversations that exercise what chat templates know: tools, reasoning, parts, documents, and odd shapes of each."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.\nNow or later.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "City, \"quoted\" & <tagged>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "nullable": True},
                "limits": {"type": "array", "items": {"type": "number"}},
                "options": {"type": "object", "properties": {"wind": {"type": "boolean"}}, "required": ["wind"]},
                "either": {"type": ["string", "null"]},
                "union": {"anyOf": [{"type": "string"}, {"type": "integer"}], "description": "both"},
            },
            "required": ["place"],
        },
        "return": {"type": "string"},
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time.",
                                          "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments, number=0):
    return {"id": f"call{number:05}", "type": "function", "function": {"name": name, "arguments": arguments}}


SYSTEM = {"role": "system", "content": "You are  helpful. "}
USER = {"role": "user", "content": " What's the weather in Zürich? 🌦️\n"}
ANSWER = {"role": "assistant", "content": "Sunny.\n"}
AGAIN = {"role": "user", "content": "And <|im_end|> tomorrow?"}
CALL = {"role": "assistant", "content": "", "tool_calls": [call("get_weather", {"place": "Zürich", "days": 2, "x": [1.5, None, True]})]}
CALL_NULL = {"role": "assistant", "content": None, "tool_calls": CALL["tool_calls"]}
CALL_TEXT = {"role": "assistant", "content": "", "tool_calls": [call("get_weather", "{\"place\": \"Zürich\"}")]}
CALL_TWO = {"role": "assistant", "content": "Let me see.",
            "tool_calls": [call("get_weather", {"place": "Bern"}, 1), call("clock", {}, 2)]}
RESULT = {"role": "tool", "tool_call_id": "call00000", "name": "get_weather", "content": "{\"sky\": \"clear\"}"}
RESULT_TWO = [{"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "rain"},
              {"role": "tool", "tool_call_id": "call00002", "name": "clock", "content": "12:30"}]
RESULT_DICT = {"role": "tool", "tool_call_id": "call00000", "name": "get_weather", "content": {"sky": "clear"}}
THOUGHT = {"role": "assistant", "content": "Sunny.", "reasoning_content": "It is\nsummer.", "thinking": "It is\nsummer."}
THOUGHT_TAGS = {"role": "assistant", "content": "<think>\nIt is summer.\n</think>\n\nSunny."}
THOUGHT_CALL = {**CALL, "reasoning_content": "Ask the tool.", "thinking": "Ask the tool."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "First. "}, {"type": "text", "text": "Second."}]}
PICTURE = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image"},
                                       {"type": "image_url", "image_url": {"url": "x"}}]}
ANSWER_PARTS = {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}
DOCUMENTS = [{"title": "Tides", "text": "Twice a day.", "contents": "Twice a day.", "doc_id": 1, "content": "Twice a day."},
             {"title": "Moon", "text": "Far.\nRound.", "contents": "Far.", "doc_id": 2, "content": "Far."}]

CONVERSATIONS = {
    "user": [USER],
    "system": [SYSTEM, USER],
    "developer": [{**SYSTEM, "role": "developer"}, USER],
    "turns": [SYSTEM, USER, ANSWER, AGAIN],
    "ends with assistant": [USER, ANSWER],
    "two users": [USER, AGAIN],
    "call": [SYSTEM, USER, CALL],
    "call, null content": [USER, CALL_NULL, RESULT],
    "call, result": [SYSTEM, USER, CALL, RESULT],
    "call as text": [USER, CALL_TEXT, RESULT, ANSWER, AGAIN],
    "two calls": [SYSTEM, USER, CALL_TWO, *RESULT_TWO, ANSWER, AGAIN],
    "call, result as object": [USER, CALL, RESULT_DICT],
    "reasoning": [USER, THOUGHT, AGAIN, THOUGHT],
    "reasoning in tags": [SYSTEM, USER, THOUGHT_TAGS, AGAIN],
    "reasoning, call": [USER, THOUGHT_CALL, RESULT, THOUGHT, AGAIN],
    "parts": [{**SYSTEM, "content": [{"type": "text", "text": "Be brief."}]}, PARTS],
    "parts, answer": [PARTS, ANSWER_PARTS, AGAIN],
    "picture": [SYSTEM, PICTURE],
    "empty contents": [{**SYSTEM, "content": ""}, {**USER, "content": ""}],
    "no system content": [{"role": "system"}, USER],
    "unknown role": [{"role": "narrator", "content": "Once."}, USER],
    "nothing": [],
}
VARIABLES = {
    "plain": {},
    "prompt": {"add_generation_prompt": True},
    "prompt, tools": {"add_generation_prompt": True, "tools": [WEATHER, CLOCK]},
    "tools": {"tools": [WEATHER]},
    "no tools": {"add_generation_prompt": True, "tools": None, "documents": None},
    "thinking": {"add_generation_prompt": True, "enable_thinking": True, "thinking": True, "reasoning_effort": "high"},
    "no thinking": {"add_generation_prompt": True, "enable_thinking": False, "thinking": False,
                    "reasoning_effort": "low", "tools": [CLOCK]},
    "documents": {"add_generation_prompt": True, "documents": DOCUMENTS},
    "options": {"add_generation_prompt": True, "keep_past_thinking": True, "preserve_thinking": True, "clear_thinking": False,
                "model_identity": "You are a test.", "builtin_tools": ["browser", "python"], "custom_tools": [WEATHER],
                "tools_in_user_message": False, "date_string": "01 Jan 2026", "controls": {"length": "short"},
                "available_tools": [CLOCK], "xml_tools": [CLOCK], "python_tools": [CLOCK], "functions": [WEATHER],
                "citation_options": {"mode": "fast"}, "citation_mode": "fast", "truncate_history_thinking": False},
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def inputs():
    """(name, the template's variables) for every conversation with every set of variables."""
    for name, messages in CONVERSATIONS.items():
        for way, variables in VARIABLES.items():
            yield f"{name}; {way}", {**TOKENS, "messages": messages, **variables}
