"""A Hub on this machine: the part of the Hugging Face Hub's HTTP API that its clients ask for here.

    with LocalHub() as hub:
        hub.add("ann/model", folder)
        hub.tokens["hf_ann"] = ("ann", "write")
        ...  # a client whose HF_ENDPOINT is hub.endpoint

Its answers are in `hub_api`, written from what huggingface_hub 2.4, datasets 5.2 and transformers
5.23 were seen to ask. What they ask beyond it is answered 404 and kept in `hub.unknown`, so that a
test can insist on none.

Big files are handed out as the Hub does it: a redirect to a second host (the same server by its
other name), with the true size and hash on the redirect. Xet is never offered: no file bears a
`X-Xet-Hash`, so all come by plain HTTP, and uploads are asked for inside the commit ("regular").
With `lfs` set they are asked for by LFS instead; only a client without xet then does as it is told.
"""

import re
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

from hub_api import Handler, Repository


@dataclass
class Fault:
    """Trouble for the requests "METHOD /path" that match: the next `times`, once `after` are let by."""

    match: str
    status: int = 0  # answer this
    stall: bool = False  # answer nothing, until the server stops
    cut: int = 0  # bytes of the body after which the connection is closed
    after: int = 0
    times: int = 10**9

    def strikes(self, request):
        """Whether this request is one of them; each call counts."""
        if not re.search(self.match, request) or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class LocalHub:
    """A server on a free port of loopback, running inside `with`."""

    def __init__(self):
        self.repositories = {}  # (kind, id): Repository
        self.tokens = {}  # token: (user, "write", "read" or "none")
        self.lfs = False
        self.faults = []
        self.requests = []  # "METHOD /path" of each
        self.headers = []  # of each request, a dict with lower-case names
        self.unknown = []
        self.blobs = {}  # sha256: bytes, what LFS uploads brought
        self.stopped = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self):
        handler = type("Handler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True  # a stalled request must not keep a test waiting
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.storage = f"http://localhost:{self.server.server_port}"  # another host to a client
        serve = dict(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        threading.Thread(**serve).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Go down; the port then refuses connections."""
        if not self.stopped.is_set():
            self.stopped.set()
            self.server.shutdown()
            self.server.server_close()

    def add(self, name, folder, kind="models", oid=None, private=False):
        """Commit a folder's files as repository `name`, a new one or a newer state; gives the oid."""
        repository = self.repositories.setdefault((kind, name), Repository(name, kind, private))
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
        return repository.commit(files, oid=oid)

    def files(self, name, kind="models"):
        """{path: bytes} of the newest commit."""
        return self.repositories[kind, name].commits[-1][2]

    def fault(self, match, **how):
        """Make requests that match fail; see `Fault`."""
        self.faults.append(Fault(match, **how))

    def asked(self, match):
        """The requests so far that match."""
        return [request for request in self.requests if re.search(match, request)]
