#!/usr/bin/env python3
"""operation_test.py TERN: what deploy/ and docs/serving.md say of tern serve is what it does.

Every metric of the page's table, of the dashboard's queries and of the alerts is one that /metrics has, the table has all of
them, with their kinds and words; the config and the unit's command line are accepted.
"""
import http.client
import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from contextlib import closing
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
TERN = None
NAME = re.compile(r"\b(?:vllm:\w+|tern:\w+|process_\w+|http_\w+)")
ROW = re.compile(r"^\| `([\w:]+)` \| (counter|gauge|histogram) \| (.*) \|$", re.M)


class Server:
    """tern serve on a model of a few kilobytes."""

    def __init__(self, folder, *options):
        model = Path(folder) / "tiny.gguf"
        subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", model, "--chat"], check=True)
        self.process = subprocess.Popen(
            [TERN, "serve", model, "--config", SOURCE / "deploy/tern.toml", "--host", "127.0.0.1", "--port", "0", "--context", "64",
             "--api-key", "key", *options], stderr=subprocess.PIPE, text=True)
        started = None
        while started is None:  # what it says before is about its options
            line = self.process.stderr.readline()
            assert line, "tern serve did not start"
            started = re.search(r" on http://\S+:(\d+),", line)
        self.port = int(started.group(1))

    def ask(self, method, path, body=None, **headers):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body and json.dumps(body), {"Authorization": "Bearer key", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.terminate()
        lines = self.process.communicate(timeout=30)[1].splitlines()
        return self.process.returncode, [line for line in lines if line.startswith("{")]


def base(name):
    return re.sub(r"_(bucket|sum|count)$", "", name)


class Operation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder)
            cls.addClassCleanup(server.kill)
            cls.status, cls.headers, cls.answer = server.ask(
                "POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "secret"}], "max_tokens": 4, "ignore_eos": True}, **{"X-Request-Id": "mine-1"})
            cls.metrics = server.ask("GET", "/metrics")
            cls.code, cls.log = server.end()
        text = cls.metrics[2]
        kinds, helps = (dict(re.findall(rf"^# {word} (\S+) (.*)$", text, re.M)) for word in ("TYPE", "HELP"))
        cls.told = {name: (kinds[name], helps[name]) for name in kinds}

    def check_names(self, text, what):
        names = {base(name) for name in NAME.findall(text)}
        self.assertTrue(names)
        self.assertEqual({n for n in names if n not in self.told}, set(), what)

    def test_metrics_are_prometheus_text(self):
        self.assertEqual(self.metrics[0], 200)
        self.assertTrue(self.metrics[1]["content-type"].startswith("text/plain; version=0.0.4"))
        sample = re.compile(r'^[a-z_:0-9]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+-]+$')
        for line in self.metrics[2].splitlines():
            self.assertTrue(line.startswith("# ") or sample.match(line.replace("+Inf", "")), line)

    def test_the_page_lists_every_metric(self):
        page = (SOURCE / "docs/serving.md").read_text()
        self.assertEqual({name: (kind, words) for name, kind, words in ROW.findall(page)}, self.told)

    def test_the_dashboard_asks_for_what_there_is(self):
        board = json.loads((SOURCE / "deploy/grafana.json").read_text())
        queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        queries += [v["query"] for v in board["templating"]["list"] if v["type"] == "query"]
        for query in queries:
            self.check_names(query, query)
            self.assertEqual(query.count("("), query.count(")"), query)
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))

    def test_alerts_ask_for_what_there_is(self):
        for line in (SOURCE / "deploy/alerts.yml").read_text().splitlines():
            if "expr:" in line:
                self.check_names(line, line)

    def test_the_unit_starts_what_there_is(self):
        unit = (SOURCE / "deploy/tern.service").read_text()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "api-keys").write_text("key\n")
            for line in re.findall(r"^ExecStart\w*=(.*)$", unit, re.M):
                words = line.replace("${CREDENTIALS_DIRECTORY}", folder).replace("/etc/tern/", f"{SOURCE}/deploy/").split()
                checked = subprocess.run([TERN, *words[1:], "--check-config"], capture_output=True, text=True)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), line)
        drain = int(re.search(r"^drain-timeout = (\d+)", (SOURCE / "deploy/tern.toml").read_text(), re.M).group(1))
        self.assertLess(drain, int(re.search(r"^TimeoutStopSec=(\d+)", unit, re.M).group(1)))

    def test_what_pulling_the_model_needs_is_in_the_image(self):
        model = re.search(r'^model = "(\S+)"', (SOURCE / "deploy/tern.toml").read_text(), re.M).group(1)
        with tempfile.TemporaryDirectory() as folder:
            bare = subprocess.run([TERN, "pull", model], env={"PATH": folder, "TERN_HOME": folder}, capture_output=True, text=True)
        package = re.search(r"\(Debian: (\S+)\)$", bare.stderr.strip()).group(1)
        image = (SOURCE / "deploy/Dockerfile").read_text().split("\nFROM ")[-1]
        self.assertIn(package, image.split("rm -rf /var/lib/apt")[0].split())
        self.assertIn(f"apt install {package}", (SOURCE / "deploy/tern.service").read_text())

    def test_the_log_has_a_line_per_request(self):
        self.assertEqual(self.status, 200, self.answer)
        self.assertEqual(self.headers["x-request-id"], "mine-1")
        self.assertEqual(self.code, 0)
        chat, metrics = map(json.loads, self.log)
        self.assertEqual((chat["request_id"], chat["route"], chat["status"], chat["outcome"], chat["finish_reason"], chat["tokens_out"]),
                         ("mine-1", "/v1/chat/completions", 200, "ok", "length", 4))
        self.assertLessEqual(chat["ttft_ms"], chat["total_ms"])
        self.assertEqual(metrics["route"], "/metrics")
        self.assertNotIn("secret", "".join(self.log))


class Collector(http.server.BaseHTTPRequestHandler):
    """Of traces."""

    def do_POST(self):
        self.server.posts.append((self.path, self.headers["content-type"], json.loads(self.rfile.read(int(self.headers["content-length"])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Traced(unittest.TestCase):
    def test_a_request_is_a_span_of_its_callers_trace(self):
        collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        collector.posts = []
        threading.Thread(target=collector.serve_forever).start()
        self.addCleanup(collector.server_close)
        self.addCleanup(collector.shutdown)
        trace = "0af7651916cd43dd8448eb211c80319c"
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder, "--otlp-traces-endpoint", f"http://127.0.0.1:{collector.server_port}/v1/traces")
            self.addCleanup(server.kill)
            server.ask("POST", "/v1/completions", {"prompt": "secret", "max_tokens": 4, "ignore_eos": True}, traceparent=f"00-{trace}-b7ad6b7169203331-01")
            server.ask("GET", "/health")
            self.assertEqual(server.end()[0], 0)
        spans = [span for _, _, body in collector.posts for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]]
        self.assertEqual([(s["name"], s["traceId"], s["parentSpanId"]) for s in spans], [("POST /v1/completions", trace, "b7ad6b7169203331")])
        self.assertEqual({post[:2] for post in collector.posts}, {("/v1/traces", "application/json")})
        told = {a["key"]: next(iter(a["value"].values())) for a in spans[0]["attributes"]}
        self.assertEqual((told["gen_ai.usage.output_tokens"], told["http.response.status_code"]), ("4", "200"))
        self.assertEqual(spans[0]["events"][0]["name"], "first token")
        self.assertNotIn("secret", json.dumps(collector.posts))


class Drain(unittest.TestCase):
    def start(self, folder, tokens):
        """A server that is in the middle of a long answer, and the answer."""
        server = Server(folder, "--context", "100000", "--log", "none", "--threads", "1")
        self.addCleanup(server.kill)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": "a", "max_tokens": tokens, "ignore_eos": True, "stream": True}), {"Authorization": "Bearer key"})
        answer = connection.getresponse()
        answer.readline()
        return server, answer

    def test_finishes_what_is_under_way_and_refuses_what_comes(self):
        with tempfile.TemporaryDirectory() as folder:
            server, answer = self.start(folder, 15000)
            self.assertEqual(server.ask("GET", "/ready")[0], 200)
            server.process.terminate()
            server.process.stderr.readline()
            status, headers, body = server.ask("POST", "/v1/completions", {"prompt": "a"})
            self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "draining"))
            self.assertGreater(int(headers["retry-after"]), 0)
            self.assertEqual(server.ask("GET", "/ready")[0], 503)
            self.assertEqual(server.ask("GET", "/health")[0], 200)
            self.assertTrue(answer.read().decode().endswith("data: [DONE]\n\n"))
            self.assertEqual(server.end()[0], 0)

    def test_a_second_signal_ends_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            server, answer = self.start(folder, 90000)
            server.process.terminate()
            server.process.stderr.readline()
            server.process.terminate()
            self.assertEqual(server.process.wait(timeout=5), 0)
            with self.assertRaises(http.client.IncompleteRead):
                answer.read()


if __name__ == "__main__":
    TERN = Path(sys.argv.pop(1)).resolve()
    unittest.main()
