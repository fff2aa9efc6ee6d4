#!/usr/bin/env python3
"""tiny_tokenizer.py FOLDER: the tokenizer files of a Hugging Face folder. Tokens are bytes, "he", and <s> and </s>."""
import json
import sys
from pathlib import Path

from tiny_gguf import byte_alphabet

folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
tokens = byte_alphabet() + ["he"]
special = {"<s>": 257, "</s>": 258}
tokenizer = {
    "added_tokens": [{"id": i, "content": text, "special": True, "normalized": False} for text, i in special.items()],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                                                {"Sequence": {"id": "A", "type_id": 0}}],
                       "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": [["h", "e"]]},
}
config = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": "{{ bos_token }}{{ messages[0].content }}"}
(folder / "tokenizer.json").write_text(json.dumps(tokenizer))
(folder / "tokenizer_config.json").write_text(json.dumps(config))
