#!/usr/bin/env python3
"""make_embeddings.py FOLDER OUT.npz: what sentence-transformers' convention gives for tests/models/sentences.json.

FOLDER holds all-MiniLM-L6-v2 (or another BERT with 1_Pooling/config.json in mean mode). Transformers in fp32; the mean of
the last hidden states over the attention mask, then length one. Needs torch, transformers, numpy.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers


@torch.no_grad()
def main():
    folder, out = sys.argv[1:3]
    limit = json.loads((Path(folder) / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    vectors = []
    for sentence in json.loads((Path(__file__).parent.parent / "models" / "sentences.json").read_text()):
        batch = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=limit)
        mean = model(**batch).last_hidden_state[0].mean(dim=0)
        vectors.append(torch.nn.functional.normalize(mean, dim=0).numpy())
    np.savez_compressed(out, embeddings=np.array(vectors, np.float32))


main()
