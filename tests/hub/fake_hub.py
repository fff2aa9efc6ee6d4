"""A web server on 127.0.0.1 that answers as the Hugging Face Hub does, well or badly, as a test asks for.

Two ports, since the Hub's files lie on another host than its API: `hub` answers /api/models/... and redirects
/<repo>/resolve/... with the headers X-Repo-Commit, X-Linked-Size and X-Linked-Etag; `cdn` holds the bytes, knows
Range, and refuses requests that carry an Authorization header, as signed addresses of an object store do.
"""
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_sesame"


def gguf_bytes(name, size):
    """Content that differs by name and begins as a GGUF file does."""
    seed = hashlib.sha256(name.encode()).digest()
    return (b"GGUF" + seed * (size // len(seed) + 1))[:size]


@dataclass
class Repo:
    files: dict  # path: bytes
    lfs: bool = True
    private: bool = False
    gated: bool = False
    tags: tuple = ("gguf", "license:apache-2.0")
    info: bytes = None  # the whole answer of the API, where a test wants a strange one
    commit: str = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What goes wrong with the next request whose path contains `where`."""
    where: str
    status: int = 0          # answer so instead
    headers: dict = field(default_factory=dict)
    truncate: int = -1       # close the connection after so many bytes of the body
    stall: int = -1          # send so many bytes, then nothing for a while
    damage: bool = False     # one byte of the body is another
    ignore_range: bool = False
    wrong_range: bool = False
    slow: bool = False       # 100 kB every 50 ms
    stall_seconds: float = 30


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is what some tests are about."""


class FakeHub:
    def __init__(self):
        self.repos, self.faults, self.requests = {}, [], []
        self.plain = {}  # path on the hub's port: bytes, for https: style downloads
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.hub, self.cdn = (self._serve(handler) for handler in (HubHandler, CdnHandler))

    def _serve(self, handler):
        server = Server(("127.0.0.1", 0), handler)
        server.fake = self
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    @property
    def url(self):
        return f"http://127.0.0.1:{self.hub.server_port}"

    @property
    def cdn_url(self):
        return f"http://127.0.0.1:{self.cdn.server_port}"

    def reset(self):
        with self.lock:
            self.repos.clear(), self.faults.clear(), self.requests.clear(), self.plain.clear()

    def close(self):
        self.stopping.set()
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def take_fault(self, path):
        with self.lock:
            for fault in self.faults:
                if fault.where in path:
                    self.faults.remove(fault)
                    return fault
        return None

    def blob(self, sha256):
        for repo in self.repos.values():
            for data in repo.files.values():
                if hashlib.sha256(data).hexdigest() == sha256:
                    return data
        return None

    def count(self, text):
        return sum(text in request["path"] for request in self.requests)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""

    def log_message(self, *_):
        pass

    @property
    def fake(self):
        return self.server.fake

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.fake.lock:
            self.fake.requests.append({"server": self.name, "path": self.path, **headers})
        self.fault = self.fake.take_fault(self.path)
        try:
            if self.fault and self.fault.status:
                self.answer(self.fault.status, b"{}", self.fault.headers)
            else:
                self.respond(unquote(urlsplit(self.path).path), headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, data, headers=None):
        """The bytes, or the range of them that was asked for, with whatever fault was ordered."""
        fault = self.fault or Fault("")
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
        begin, status = 0, 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fresh = self.headers.get("If-Range", etag) == etag
        if wanted and fresh and not fault.ignore_range:
            begin, status = int(wanted[1]), 206
            if begin >= len(data):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            begin = 0 if fault.wrong_range else begin
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        body = bytearray(data[begin:])
        if fault.damage:
            body[len(body) // 2] ^= 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        return self.send_body(bytes(body), fault)

    def send_body(self, body, fault):
        if fault.truncate >= 0:
            self.wfile.write(body[:fault.truncate])
            self.close_connection = True
        elif fault.stall >= 0:
            self.wfile.write(body[:fault.stall])
            self.wfile.flush()
            self.fake.stopping.wait(fault.stall_seconds)
            self.close_connection = True
        elif fault.slow:
            for at in range(0, len(body), 100_000):
                self.wfile.write(body[at:at + 100_000])
                time.sleep(0.05)
        else:
            self.wfile.write(body)


class HubHandler(Handler):
    name = "hub"

    def respond(self, path, headers):
        if path in self.fake.plain:
            return self.send_file(self.fake.plain[path])
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if not info and not file:
            return self.answer(404, b"{}")
        name = (info or file)[1]
        repo = self.fake.repos.get(name)
        allowed = headers.get("authorization") == f"Bearer {TOKEN}"
        if repo is None or (repo.private and not allowed):
            # The Hub does not say whether a repository exists to those who may not see it.
            return self.answer(401, b'{"error":"Invalid username or password."}', {
                "X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        if info:
            return self.answer(200, self.info(name, repo), {"Content-Type": "application/json"})
        if repo.gated and not allowed:
            return self.answer(403, b"{}", {"X-Error-Code": "GatedRepo",
                                            "X-Error-Message": "Access to this model is restricted."})
        if file[3] not in repo.files:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        return self.resolve(repo, repo.files[file[3]])

    @staticmethod
    def info(name, repo):
        if repo.info is not None:
            return repo.info
        siblings = []
        for path, data in repo.files.items():
            sibling = {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
            if repo.lfs:
                sibling["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append(sibling)
        return json.dumps({"id": name, "sha": repo.commit, "gated": "manual" if repo.gated else False,
                           "tags": list(repo.tags), "siblings": siblings}).encode()

    def resolve(self, repo, data):
        if not repo.lfs:
            return self.send_file(data, {"X-Repo-Commit": repo.commit, "ETag": f'"{git_sha1(data)}"'})
        sha256 = hashlib.sha256(data).hexdigest()
        return self.answer(302, b"Found. Redirecting", {
            "X-Repo-Commit": repo.commit, "X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{sha256}"',
            "Location": f"{self.fake.cdn_url}/blob/{sha256}?Expires=1&Signature=secret"})


class CdnHandler(Handler):
    name = "cdn"

    def respond(self, path, headers):
        data = self.fake.blob(path.removeprefix("/blob/"))
        if data is None:
            return self.answer(404)
        if "authorization" in headers:
            return self.answer(400, b"Only one auth mechanism allowed")
        return self.send_file(data)
