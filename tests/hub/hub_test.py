#!/usr/bin/env python3
"""`tern pull` against a local server that imitates the Hub: hub_test.py BIN_DIR [unittest options]."""
import hashlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from fake_hub import TOKEN, FakeHub, Fault, Repo, gguf_bytes, git_sha1

TERN = "tern"
SECONDS = 60
SIZE = 3_000_000
TINY = "acme/tiny-GGUF"


def tiny_folder():
    """A Llama of one layer, all of whose weights are 0, in the files of a Hugging Face repository: name to bytes."""
    width, ffn, vocabulary = 32, 64, 16
    shapes = {"model.embed_tokens.weight": (vocabulary, width), "model.norm.weight": (width,)}
    layer = {"input_layernorm": (width,), "post_attention_layernorm": (width,), "mlp.gate_proj": (ffn, width),
             "mlp.up_proj": (ffn, width), "mlp.down_proj": (width, ffn)}
    layer |= {f"self_attn.{name}_proj": (width, width) for name in "qkvo"}
    shapes |= {f"model.layers.0.{name}.weight": shape for name, shape in layer.items()}
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    head = json.dumps(header).encode()
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": width, "num_hidden_layers": 1,
              "num_attention_heads": 2, "intermediate_size": ffn, "vocab_size": vocabulary, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 64, "tie_word_embeddings": True}
    return {"config.json": json.dumps(config).encode(), "generation_config.json": b"{}",
            "model.safetensors": len(head).to_bytes(8, "little") + head + bytes(end)}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = FakeHub()

    @classmethod
    def tearDownClass(cls):
        cls.hub.close()

    def setUp(self):
        self.hub.reset()
        folder = tempfile.TemporaryDirectory(prefix="tern-hub-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / "hf" / "hub"
        self.env = {"PATH": os.environ["PATH"], "HOME": folder.name, "TERN_HOME": f"{folder.name}/tern",
                    "HF_HOME": f"{folder.name}/hf", "HF_ENDPOINT": self.hub.url, "HF_HUB_DOWNLOAD_TIMEOUT": "1"}
        self.model = gguf_bytes("Q4_K_M", SIZE)
        self.hub.repos[TINY] = Repo({"README.md": b"hello", "tiny-Q4_K_M.gguf": self.model,
                                     "tiny-Q8_0.gguf": gguf_bytes("Q8_0", 5000), "mmproj-tiny-F16.gguf": b"GGUF"})

    def start(self, *words, **env):
        return subprocess.Popen([TERN, *words], env={**self.env, **env}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def tern(self, *words, code=0, **env):
        """Its standard output and error; fails the test if the exit code is another."""
        child = self.start(*words, **env)
        try:
            out, err = child.communicate(timeout=SECONDS)
        finally:
            child.kill()
        self.assertEqual(child.returncode, code, out + err)
        return out + err

    def blob_folder(self, repo=TINY):
        return self.cache / ("models--" + repo.replace("/", "--")) / "blobs"

    def listed(self):
        return {model["name"]: model for model in json.loads(self.tern("list", "--json"))}

    def pulled(self, repo=TINY):
        """The content of what `tern pull hf:repo` put into the cache."""
        self.tern("pull", f"hf:{repo}")
        return Path(next(iter(self.listed().values()))["path"]).read_bytes()


class Pull(Case):
    def test_lays_files_out_as_the_hubs_own_tools_do(self):
        out = self.tern("pull", f"hf:{TINY}")
        commit = self.hub.repos[TINY].commit
        root = self.cache / "models--acme--tiny-GGUF"
        self.assertEqual((root / "refs" / "main").read_text(), commit)
        link = root / "snapshots" / commit / "tiny-Q4_K_M.gguf"
        digest = hashlib.sha256(self.model).hexdigest()
        self.assertEqual(os.readlink(link), f"../../blobs/{digest}")
        self.assertEqual(link.read_bytes(), self.model)
        self.assertEqual(os.listdir(root / "blobs"), [digest])
        self.assertIn("licence: apache-2.0", out)
        self.assertIn(str(link), out)

    def test_takes_the_file_that_the_tag_names(self):
        self.tern("pull", f"hf:{TINY}:q8_0")
        self.assertEqual(list(self.listed()), [f"hf:{TINY}:Q8_0"])
        out = self.tern("pull", f"hf:{TINY}:Q2_K", code=1)
        self.assertIn("no 'Q2_K' in it; there is Q4_K_M, Q8_0", out)

    def test_pulls_all_shards_and_names_the_first(self):
        shards = {f"big/big-Q8_0-0000{i}-of-00003.gguf": gguf_bytes(f"shard {i}", 1000 * i) for i in (1, 2, 3)}
        self.hub.repos["acme/big"] = Repo(shards)
        self.tern("pull", "hf:acme/big")
        model = self.listed()["hf:acme/big:Q8_0"]
        self.assertTrue(model["path"].endswith("big/big-Q8_0-00001-of-00003.gguf"))
        self.assertEqual(model["bytes"], 6000)
        self.assertEqual(os.readlink(model["path"])[:15], "../../../blobs/")
        self.assertEqual(Path(model["path"]).read_bytes(), shards["big/big-Q8_0-00001-of-00003.gguf"])

    def test_pulls_a_folder_of_safetensors_with_what_it_is_read_with(self):
        files = tiny_folder()
        self.hub.repos["acme/tiny"] = Repo({**files, "README.md": b"hello", "pytorch_model.bin": b"again"})
        self.tern("pull", "hf:acme/tiny")
        model = self.listed()["hf:acme/tiny:safetensors"]
        self.assertEqual(sorted(os.listdir(model["path"])), sorted(files))
        self.assertEqual(model["bytes"], sum(map(len, files.values())))
        self.tern("logits", "--offline", "hf:acme/tiny", "--tokens", "1,2,3", "--out", str(self.folder / "x.npy"))
        self.tern("rm", "hf:acme/tiny")
        self.assertEqual(self.listed(), {})

    def test_checks_files_that_git_itself_holds(self):
        self.hub.repos[TINY].lfs = False
        self.assertEqual(self.pulled(), self.model)
        self.assertEqual(os.listdir(self.blob_folder()), [git_sha1(self.model)])
        self.tern("rm", f"hf:{TINY}:Q4_K_M")
        self.hub.faults.append(Fault("/resolve/", damage=True))
        self.assertIn("git blob", self.tern("pull", f"hf:{TINY}", code=1))

    def test_takes_a_branch_or_a_commit(self):
        self.tern("pull", f"hf:{TINY}@refs/pr/1:Q8_0")
        self.assertTrue(any("/revision/refs%2Fpr%2F1?" in request["path"] for request in self.hub.requests))
        root = self.cache / "models--acme--tiny-GGUF"
        self.assertEqual((root / "refs/refs/pr/1").read_text(), self.hub.repos[TINY].commit)

    def test_a_second_pull_asks_but_fetches_nothing(self):
        self.tern("pull", f"hf:{TINY}")
        self.tern("pull", f"hf:{TINY}")
        self.assertEqual(self.hub.count("/api/"), 2)
        self.assertEqual(self.hub.count("/resolve/"), 1)

    def test_a_new_commit_is_pulled_beside_the_old_one(self):
        self.tern("pull", f"hf:{TINY}")
        self.hub.repos[TINY].commit = "f" * 40
        self.hub.repos[TINY].files["tiny-Q4_K_M.gguf"] = gguf_bytes("newer", 4000)
        self.tern("pull", f"hf:{TINY}")
        paths = [model["path"] for model in json.loads(self.tern("list", "--json"))]
        self.assertEqual([Path(path).stat().st_size for path in paths], [SIZE, 4000])

    def test_follows_a_repository_that_was_renamed(self):
        target = f"/api/models/{TINY}/revision/main?blobs=true"
        self.hub.faults.append(Fault("/api/models/acme/old/", status=307, headers={"Location": target}))
        self.hub.repos["acme/old"] = self.hub.repos[TINY]
        self.tern("pull", "hf:acme/old", HF_TOKEN=TOKEN)
        moved = [request for request in self.hub.requests if request["path"] == target]
        self.assertEqual(moved[0]["authorization"], f"Bearer {TOKEN}")


class Offline(Case):
    def test_what_is_in_the_cache_is_found_without_a_request(self):
        self.tern("pull", f"hf:{TINY}")
        self.hub.requests.clear()
        for how in ({"words": ["--offline"]}, {"env": {"HF_HUB_OFFLINE": "1"}}):
            self.tern("pull", f"hf:{TINY}", *how.get("words", []), **how.get("env", {}))
        self.assertEqual(self.hub.requests, [])

    def test_what_is_not_in_the_cache_is_an_error(self):
        out = self.tern("pull", "--offline", f"hf:{TINY}", code=1)
        self.assertIn(f"hf:{TINY}: not in the cache", out)
        self.assertEqual(self.hub.requests, [])


class Tokens(Case):
    def test_go_to_the_hub_and_to_no_other_host(self):
        self.hub.repos[TINY].private = True
        self.tern("pull", f"hf:{TINY}", HF_TOKEN=TOKEN)
        at_cdn = [request for request in self.hub.requests if request["server"] == "cdn"]
        self.assertEqual(len(at_cdn), 1)
        self.assertNotIn("authorization", at_cdn[0])
        self.assertTrue(all("authorization" in r for r in self.hub.requests if r["server"] == "hub"))

    def test_are_read_from_the_file_that_the_hubs_tools_write(self):
        self.hub.repos[TINY].private = True
        (self.folder / "hf").mkdir()
        (self.folder / "hf" / "token").write_text(TOKEN + "\n")
        self.tern("pull", f"hf:{TINY}")

    def test_never_show_up_in_messages(self):
        self.hub.faults += [Fault("/resolve/", status=403)]
        out = self.tern("pull", f"hf:{TINY}", code=1, HF_TOKEN=TOKEN)
        out += self.tern("pull", "hf:acme/none", code=1, HF_TOKEN=TOKEN)
        self.assertNotIn(TOKEN, out)
        self.assertNotIn("Signature", out)

    def test_that_would_break_a_header_are_refused(self):
        out = self.tern("pull", f"hf:{TINY}", code=1, HF_TOKEN="a\r\nX-Evil: b")
        self.assertIn("HF_TOKEN: not a token", out)
        self.assertNotIn("Evil", out)


class Refusals(Case):
    def test_a_missing_or_private_repository(self):
        out = self.tern("pull", "hf:acme/none", code=1)
        self.assertIn("HTTP 401: no such repository, or it is private and HF_TOKEN is missing or wrong", out)
        self.assertEqual(len(self.hub.requests), 1)

    def test_a_gated_repository(self):
        self.hub.repos[TINY].gated = True
        out = self.tern("pull", f"hf:{TINY}", code=1)
        self.assertIn("the repository is gated: accept its terms on its page and set HF_TOKEN", out)
        self.tern("pull", f"hf:{TINY}", HF_TOKEN=TOKEN)

    def test_a_revision_that_is_not_there(self):
        self.hub.faults.append(Fault("/revision/", status=404, headers={
            "X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev\x1b[31m id: nope"}))
        out = self.tern("pull", f"hf:{TINY}@nope", code=1)
        self.assertIn("HTTP 404: not found", out)
        self.assertNotIn("\x1b", out)

    def test_a_repository_without_a_model(self):
        self.hub.repos["acme/torch"] = Repo({"pytorch_model.bin": b"x", "config.json": b"{}"})
        self.assertIn("hf:acme/torch: no model in it, neither .gguf nor config.json with .safetensors files",
                      self.tern("pull", "hf:acme/torch", code=1))

    def test_an_endpoint_without_encryption(self):
        out = self.tern("pull", f"hf:{TINY}", code=1, HF_ENDPOINT="http://hub.example.com")
        self.assertIn("HF_ENDPOINT: http://hub.example.com: expected https://", out)

    def test_a_redirect_that_leads_round_in_circles(self):
        self.hub.faults += [Fault("/revision/", status=302, headers={"Location": "?blobs=true"})] * 20
        self.assertIn("more than 8 redirects", self.tern("pull", f"hf:{TINY}", code=1))

    def test_a_redirect_to_a_host_without_encryption(self):
        for target in ("http://evil.example.com/x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
            self.hub.faults = [Fault("/resolve/", status=302, headers={"Location": target})]
            self.assertIn("expected https://", self.tern("pull", f"hf:{TINY}", code=1))


class Answers(Case):
    """Answers of the API that a broken or hostile server may send."""

    def refused(self, info, message):
        self.hub.repos["acme/bad"] = Repo({}, info=info)
        self.assertIn(message, self.tern("pull", "hf:acme/bad", code=1))

    def test_that_are_no_json(self):
        self.refused(b"<html>", "not the JSON object expected")
        self.refused(b"[]", "not the JSON object expected")
        self.refused(b"", "not the JSON object expected")

    def test_that_are_nested_too_deep(self):
        self.refused(b'{"sha":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not the JSON object expected")

    def test_that_are_too_long(self):
        self.refused(b'{"sha":"' + b"x" * (17 << 20) + b'"}', "an answer of more than 16777216 bytes")

    def test_that_lack_what_is_needed(self):
        self.refused(b"{}", "names no commit")
        self.refused(b'{"sha":"../../../../etc"}', "names no commit")
        self.refused(json.dumps({"sha": "0" * 40}).encode(), "lists no files")
        self.refused(json.dumps({"sha": "0" * 40, "siblings": [1, {}, {"rfilename": 5}]}).encode(), "no model in it")

    def test_that_lead_out_of_the_cache(self):
        digest = "0" * 64
        for path in ("../../../evil.gguf", "/tmp/evil.gguf", "a/../../evil.gguf", "a\\..\\evil.gguf", "a//b.gguf",
                     "x\n.gguf", "a" * 300 + ".gguf"):
            siblings = [{"rfilename": path, "size": 4, "lfs": {"sha256": digest, "size": 4}}]
            self.refused(json.dumps({"sha": "0" * 40, "siblings": siblings}).encode(), "no model in it")
        for blob in ("../evil", "0" * 63, "g" * 64, "A" * 64):
            siblings = [{"rfilename": "x.gguf", "size": 4, "lfs": {"sha256": blob, "size": 4}}]
            self.refused(json.dumps({"sha": "0" * 40, "siblings": siblings}).encode(), "no model in it")
        self.assertEqual([p for p in self.folder.rglob("*evil*")], [])

    def test_that_promise_more_than_the_disk_holds(self):
        siblings = [{"rfilename": "x.gguf", "lfs": {"sha256": "0" * 64, "size": 1 << 43}}]
        self.refused(json.dumps({"sha": "0" * 40, "siblings": siblings}).encode(), "bytes free, 8796093022208 needed")


class Troubles(Case):
    """Transfers that fail on the way."""

    def test_servers_that_are_busy_are_asked_again(self):
        self.hub.faults = [Fault("/api/", status=429, headers={"Retry-After": "1"}), Fault("/resolve/", status=503)]
        begun = time.monotonic()
        self.assertEqual(self.pulled(), self.model)
        self.assertGreater(time.monotonic() - begun, 1)

    def test_a_server_that_stays_broken_is_given_up(self):
        self.hub.faults = [Fault("/api/", status=500)] * 9
        out = self.tern("pull", f"hf:{TINY}", code=1)
        self.assertEqual(len(self.hub.requests), 5)
        self.assertIn("HTTP 500; trying again", out)

    def test_a_truncated_transfer_is_continued(self):
        self.hub.faults = [Fault("/blob/", truncate=1_200_000)]
        self.assertEqual(self.pulled(), self.model)
        ranges = [request.get("range") for request in self.hub.requests if request["server"] == "cdn"]
        self.assertEqual(ranges, [None, "bytes=1200000-"])

    def test_a_transfer_that_stalls_is_continued(self):
        self.hub.faults = [Fault("/blob/", stall=1_200_000)]
        self.assertEqual(self.pulled(), self.model)

    def test_a_server_without_ranges_sends_it_all_again(self):
        self.hub.faults = [Fault("/blob/", truncate=1_200_000), Fault("/blob/", ignore_range=True)]
        self.assertEqual(self.pulled(), self.model)

    def test_a_wrong_range_is_not_glued_on(self):
        self.hub.faults = [Fault("/blob/", truncate=1_200_000), Fault("/blob/", wrong_range=True)]
        out = self.tern("pull", f"hf:{TINY}")
        self.assertIn("sent another range than asked for", out)
        self.assertEqual(Path(next(iter(self.listed().values()))["path"]).read_bytes(), self.model)

    def test_a_damaged_file_is_refused(self):
        self.hub.faults = [Fault("/blob/", damage=True)]
        out = self.tern("pull", f"hf:{TINY}", code=1)
        self.assertIn("tiny-Q4_K_M.gguf: SHA-256", out)
        self.assertIn("damaged on the way, or changed at the source", out)
        self.assertEqual(self.listed(), {})
        self.assertEqual(self.pulled(), self.model)

    def test_a_damaged_beginning_is_found_and_fetched_again(self):
        self.blob_folder().mkdir(parents=True)
        partial = self.blob_folder() / (hashlib.sha256(self.model).hexdigest() + ".incomplete")
        partial.write_bytes(b"x" * 1000)
        out = self.tern("pull", f"hf:{TINY}")
        self.assertIn("starting over", out)
        self.assertEqual(self.pulled(), self.model)

    def test_a_file_of_another_length_is_refused(self):
        self.hub.faults = [Fault("/blob/", status=302, headers={"Location": "/short"})]
        self.hub.repos["acme/short"] = Repo({"x.gguf": b"GGUF"})
        self.hub.faults[0].headers["Location"] = f"/blob/{hashlib.sha256(b'GGUF').hexdigest()}"
        out = self.tern("pull", f"hf:{TINY}", code=1)
        self.assertIn(f"4 bytes, expected {SIZE}", out)

    def test_interrupted_and_continued(self):
        self.hub.faults = [Fault("/blob/", slow=True)]
        child = self.start("pull", f"hf:{TINY}")
        partial = self.blob_folder() / (hashlib.sha256(self.model).hexdigest() + ".incomplete")
        deadline = time.monotonic() + SECONDS
        while not (partial.exists() and partial.stat().st_size > 300_000) and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=SECONDS)
        self.assertEqual(child.returncode, 130, err)
        self.assertIn("interrupted; what is finished is kept", err)
        done = partial.stat().st_size
        self.assertEqual(self.listed(), {})
        self.assertEqual(self.pulled(), self.model)
        self.assertEqual(self.hub.requests[-1].get("range"), f"bytes={done}-")

    def test_two_at_once_fetch_it_once(self):
        self.hub.faults = [Fault("/blob/", slow=True)]
        children = [self.start("pull", f"hf:{TINY}") for _ in range(2)]
        for child in children:
            out, err = child.communicate(timeout=SECONDS)
            self.assertEqual(child.returncode, 0, out + err)
        self.assertEqual(self.hub.count("/blob/"), 1)


class Remove(Case):
    def test_takes_the_blob_that_nothing_else_links_to(self):
        self.tern("pull", f"hf:{TINY}")
        self.tern("pull", f"hf:{TINY}:Q8_0")
        self.tern("rm", f"hf:{TINY}:Q4_K_M")
        self.assertEqual(list(self.listed()), [f"hf:{TINY}:Q8_0"])
        self.assertEqual(len(os.listdir(self.blob_folder())), 1)
        self.tern("rm", f"hf:{TINY}:Q8_0")
        self.assertEqual([path for path in self.cache.rglob("*") if "tiny" in str(path)], [])

    def test_keeps_the_blob_that_another_snapshot_links_to(self):
        self.tern("pull", f"hf:{TINY}")
        self.hub.repos[TINY].commit = "f" * 40
        self.tern("pull", f"hf:{TINY}")
        self.tern("rm", f"hf:{TINY}")
        self.assertEqual(Path(next(iter(self.listed().values()))["path"]).read_bytes(), self.model)


class Web(Case):
    """https: models, here over http to this machine."""

    def setUp(self):
        super().setUp()
        self.hub.plain["/models/x.gguf"] = self.model
        self.url = f"{self.hub.url}/models/x.gguf"
        self.digest = hashlib.sha256(self.model).hexdigest()

    def test_is_pulled_checked_listed_and_removed(self):
        self.tern("pull", f"{self.url}#sha256={self.digest.upper()}")
        model = self.listed()[f"{self.url}#sha256={self.digest.upper()}"]
        self.assertEqual(Path(model["path"]).read_bytes(), self.model)
        self.tern("pull", "--offline", f"{self.url}#sha256={self.digest.upper()}")
        self.tern("rm", f"{self.url}#sha256={self.digest.upper()}")
        self.assertEqual(self.listed(), {})

    def test_with_another_checksum_is_refused(self):
        out = self.tern("pull", f"{self.url}#sha256={'0' * 64}", code=1)
        self.assertIn(f"x.gguf: SHA-256 {self.digest}, expected {'0' * 64}", out)
        self.assertEqual(self.listed(), {})

    def test_without_a_checksum_continues_only_the_same_version(self):
        self.hub.faults = [Fault("/models/", truncate=1_500_000)]
        self.tern("pull", self.url)
        self.assertIn("if-range", self.hub.requests[-1])
        self.assertEqual(Path(self.listed()[self.url]["path"]).read_bytes(), self.model)
        self.tern("rm", self.url)
        self.hub.faults = [Fault("/models/", truncate=1_500_000), Fault("/models/", status=403)]
        self.tern("pull", self.url, code=1)
        newer = self.hub.plain["/models/x.gguf"] = gguf_bytes("newer", SIZE)
        self.tern("pull", self.url)
        self.assertEqual(Path(self.listed()[self.url]["path"]).read_bytes(), newer)

    def test_a_page_instead_of_a_model_is_refused(self):
        self.hub.plain["/login.gguf"] = b"<!DOCTYPE html><title>Please log in</title>"
        out = self.tern("pull", f"{self.hub.url}/login.gguf", code=1)
        self.assertIn('begins with "<!DO", expected "GGUF"', out)

    def test_that_is_not_there_leaves_nothing_behind(self):
        self.assertIn("HTTP 404: not found", self.tern("pull", f"{self.hub.url}/none.gguf", code=1))
        self.assertEqual([path for path in (self.folder / "tern").rglob("*none*") if path.suffix != ".lock"], [])

    def test_the_hubs_token_is_not_sent(self):
        self.tern("pull", self.url, HF_TOKEN=TOKEN)
        self.assertNotIn("authorization", self.hub.requests[-1])

    def test_without_encryption_only_from_this_machine(self):
        for url in ("http://example.com/x.gguf", "http://127.0.0.1.example.com/x.gguf", "http://user@10.0.0.1/x.gguf"):
            self.assertIn("expected https://", self.tern("pull", url, code=1))


@unittest.skipUnless(importlib.util.find_spec("huggingface_hub"), "huggingface_hub is not installed")
class OfficialTools(Case):
    """What the Hub's own library makes of our cache, and we of its."""

    def python(self, code, **env):
        child = subprocess.run([sys.executable, "-c", code], env={**self.env, **env}, capture_output=True, text=True,
                               timeout=SECONDS)
        self.assertEqual(child.returncode, 0, child.stderr)
        return child.stdout

    def test_find_what_we_pulled(self):
        self.tern("pull", f"hf:{TINY}")
        out = self.python("from huggingface_hub import hf_hub_download, scan_cache_dir\n"
                          f"print(open(hf_hub_download('{TINY}', 'tiny-Q4_K_M.gguf'), 'rb').read(4))\n"
                          "info = scan_cache_dir()\nprint(len(info.repos), len(info.warnings), info.size_on_disk)",
                          HF_HUB_OFFLINE="1")
        self.assertEqual(out, f"b'GGUF'\n1 0 {SIZE}\n")

    def test_pull_what_we_find(self):
        self.python(f"from huggingface_hub import hf_hub_download\nhf_hub_download('{TINY}', 'tiny-Q8_0.gguf')",
                    HF_HUB_DISABLE_XET="1")
        self.hub.requests.clear()
        self.assertIn("tiny-Q8_0.gguf", self.tern("pull", "--offline", f"hf:{TINY}:Q8_0"))
        self.assertEqual(self.hub.requests, [])


if __name__ == "__main__":
    TERN = str(Path(sys.argv.pop(1)).resolve() / "tern")
    unittest.main(verbosity=1)
