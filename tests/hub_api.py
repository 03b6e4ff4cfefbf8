"""The answers of the tests' own Hub: repositories, and the handler of its requests.

See `local_hub`, which runs it.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

BIG = (".bin", ".parquet", ".safetensors")
WHEN = "2026-01-01T00:00:00.000Z"


def git_hash(data):
    """The name that git gives a file's content; the Hub's ETag of a small file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data):
    """The name that LFS gives a file's content; the Hub's ETag of a big one."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Repository:
    """A repository: its commits, oldest first, each (oid, title, {path: bytes})."""

    id: str
    kind: str  # "models", "datasets" or "spaces", as in an address
    private: bool = False
    commits: list = field(default_factory=list)

    def commit(self, files, title="Add files", oid=None):
        """Add a commit that holds these files and no others."""
        parent = self.commits[-1][0] if self.commits else ""
        content = [(path, git_hash(data)) for path, data in sorted(files.items())]
        oid = oid or hashlib.sha1(repr((parent, title, content)).encode()).hexdigest()
        self.commits.append((oid, title, files))
        return oid

    def at(self, revision):
        """(oid, files) of "main" or of a commit, or None."""
        if revision in ("main", "HEAD"):
            return self.commits[-1][0], self.commits[-1][2]
        return next(((oid, files) for oid, _, files in self.commits if oid == revision), None)


class _Refusal(Exception):
    """An answer that is no success: status, the Hub's error code, and its message."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request; `hub`, set in a subclass, is the LocalHub it belongs to."""

    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._handle()

    do_HEAD = do_POST = do_PUT = do_GET

    def _handle(self):
        hub, request = self.hub, f"{self.command} {self.path}"
        self.body = self._read()
        with hub.lock:  # so that requests and headers stay in one order
            hub.requests.append(request)
            hub.headers.append({name.lower(): value for name, value in self.headers.items()})
        fault = next((f for f in hub.faults if f.strikes(request)), None)
        self.cut = fault.cut if fault else 0
        if fault and fault.stall:
            hub.stopped.wait()
            self.close_connection = True
        elif fault and fault.status:
            self._json({"error": "as the test asked"}, fault.status)
        else:
            try:
                self._route(urlsplit(self.path))
            except _Refusal as refusal:
                status, code, message = refusal.args
                told = {"X-Error-Code": code, "X-Error-Message": message}
                self._json({"error": message}, status, {k: v for k, v in told.items() if v})

    def _read(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, data, status=200, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: self.cut] if self.cut else data)
            self.close_connection |= bool(self.cut)

    def _json(self, value, status=200, headers=None):
        data = json.dumps(value).encode()
        self._send(data, status, {"Content-Type": "application/json", **(headers or {})})

    def _route(self, address):
        path = unquote(address.path)
        self.query = parse_qs(address.query)
        for method, pattern, answer in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                return answer(self, *found.groups())
        self.hub.unknown.append(f"{self.command} {self.path}")
        raise _Refusal(404, None, "Not Found")

    # Who asks, and what for

    def _user(self):
        """(user, role) of the token, or (None, "none") without one."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise _Refusal(401, None, "Invalid credentials in Authorization header")
        return self.hub.tokens.get(token, (None, "none"))

    def _may_write(self, owner):
        user, role = self._user()
        if user is None:
            raise _Refusal(401, None, "Invalid username or password.")
        if user != owner or role != "write":
            raise _Refusal(403, None, f"You don't have the rights to write to {owner}'s models")

    def _repository(self, kind, name):
        user, role = self._user()
        found = self.hub.repositories.get((kind or "models", name))
        if not found or found.private and (user != name.split("/")[0] or role == "none"):
            # The Hub says so, too, of what is not there: it would else tell that it is.
            raise _Refusal(404 if user else 401, "RepoNotFound", "Repository not found")
        return found

    def _at(self, kind, name, revision):
        repository = self._repository(kind, name)
        found = repository.at(revision or "main")
        if not found:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository, *found

    def whoami(self):
        user, role = self._user()
        if user is None:
            raise _Refusal(401, None, "Invalid username or password.")
        access = {"displayName": "test", "role": role}
        kept = {"type": "access_token", "accessToken": access}
        self._json({"type": "user", "name": user, "orgs": [], "auth": kept})

    # Reading

    def info(self, kind, name, revision=None):
        repository, oid, files = self._at(kind, name, revision)
        self._json(
            {
                "_id": git_hash(name.encode())[:24], "id": name, "author": name.split("/")[0],
                "sha": oid, "private": repository.private, "gated": False, "disabled": False,
                "downloads": 0, "likes": 0, "tags": [], "createdAt": WHEN, "lastModified": WHEN,
                "siblings": [{"rfilename": path} for path in sorted(files)],
            } | ({"modelId": name} if kind == "models" else {})
        )  # fmt: skip

    def refs(self, kind, name):
        branch = {"name": "main", "ref": "refs/heads/main"}
        branch["targetCommit"] = self._repository(kind, name).commits[-1][0]
        self._json({"branches": [branch], "converts": [], "tags": []})

    def commits(self, kind, name, revision):
        self._at(kind, name, revision)
        told = [
            {"id": oid, "title": title, "message": "", "date": WHEN, "authors": [{"user": "ann"}]}
            for oid, title, _ in reversed(self._repository(kind, name).commits)
        ]
        self._json(told)

    def _entry(self, path, files):
        if path not in files:
            return {"type": "directory", "path": path, "size": 0, "oid": git_hash(path.encode())}
        data = files[path]
        entry = {"type": "file", "path": path, "size": len(data), "oid": git_hash(data)}
        if path.endswith(BIG):
            entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
        return entry

    def tree(self, kind, name, revision, folder=None):
        _, _, files = self._at(kind, name, revision)
        inside = f"{folder}/" if folder else ""
        below = sorted(path for path in files if path.startswith(inside))
        if inside and not below:
            raise _Refusal(404, "EntryNotFound", f"{folder} does not exist")
        folders = {str(up) for path in below for up in Path(path).parents} - {".", folder}
        found = sorted({*below, *(up for up in folders if up.startswith(inside))})
        if self.query.get("recursive", [""])[0].lower() not in ("true", "1"):
            found = [path for path in found if "/" not in path[len(inside) :]]
        self._json([self._entry(path, files) for path in found])

    def paths_info(self, kind, name, revision):
        _, _, files = self._at(kind, name, revision)
        if "json" in self.headers.get("Content-Type", ""):
            asked = json.loads(self.body)["paths"]
        else:
            asked = parse_qs(self.body.decode())["paths"]
        there = {str(up) for path in files for up in Path(path).parents} - {"."}
        self._json([self._entry(path, files) for path in asked if path in files or path in there])

    def resolve(self, kind, name, revision, path):
        _, oid, files = self._at((kind or "models/")[:-1], name, revision)
        if path not in files:
            told = {"X-Repo-Commit": oid, "X-Error-Code": "EntryNotFound"}
            return self._json({"error": "Entry not found"}, 404, told)
        data, told = files[path], {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        if not path.endswith(BIG):
            return self._ranged(data, told | {"ETag": f'"{git_hash(data)}"'})
        told |= {"X-Linked-Size": len(data), "X-Linked-ETag": f'"{sha256(data)}"'}
        self.hub.blobs[sha256(data)] = data
        self._send(b"", 302, told | {"Location": f"{self.hub.storage}/storage/{sha256(data)}"})

    def storage(self, oid):
        if oid not in self.hub.blobs:
            raise _Refusal(404, None, "No such object")
        self._ranged(self.hub.blobs[oid], {"Accept-Ranges": "bytes", "ETag": f'"{oid}"'})

    def _ranged(self, data, headers):
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self._send(data, 200, headers)
        first, last = wanted.groups()
        start = int(first) if first else max(0, len(data) - int(last))
        stop = min(int(last), len(data) - 1) + 1 if first and last else len(data)
        if start >= len(data):
            return self._send(b"", 416, {"Content-Range": f"bytes */{len(data)}"})
        part = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        self._send(data[start:stop], 206, headers | part)

    # Writing

    def create(self):
        asked = json.loads(self.body)
        owner = asked.get("organization") or self._user()[0]
        self._may_write(owner)
        kind, name = asked.get("type", "model") + "s", f"{owner}/{asked['name']}"
        place = name if kind == "models" else f"{kind}/{name}"
        made = {"url": f"{self.hub.endpoint}/{place}", "name": name, "id": "1"}
        if (kind, name) in self.hub.repositories:
            return self._json(made | {"error": "You already created this repo"}, 409)
        if kind == "spaces" and asked.get("sdk") not in ("static", "gradio", "docker"):
            raise _Refusal(400, None, "A Space needs an sdk")
        repository = Repository(name, kind, asked.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.bin filter=lfs\n"}, "initial commit")
        self.hub.repositories[kind, name] = repository
        self._json(made)

    def validate(self):
        self._json({"errors": [], "warnings": []})

    def preupload(self, kind, name, revision):
        _, _, files = self._at(kind, name, revision)
        self._may_write(name.split("/")[0])

        def told(path):
            mode = "lfs" if self.hub.lfs and path.endswith(BIG) else "regular"
            oid = git_hash(files[path]) if path in files else None
            return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid}

        self._json({"files": [told(one["path"]) for one in json.loads(self.body)["files"]]})

    def lfs_batch(self, kind, name):
        self._may_write(name.split("/")[0])
        objects = []
        for one in json.loads(self.body)["objects"]:
            upload = {"href": f"{self.hub.storage}/storage/{one['oid']}", "header": {}}
            verify = {"href": f"{self.hub.endpoint}/verify", "header": {}}
            new = {"actions": {"upload": upload, "verify": verify}}
            objects.append(one | ({} if one["oid"] in self.hub.blobs else new))
        self._json({"transfer": "basic", "objects": objects})

    def store(self, oid):
        if sha256(self.body) != oid:
            raise _Refusal(400, None, "The content is not what its hash says")
        self.hub.blobs[oid] = self.body
        self._send(b"")

    def verify(self):
        asked = json.loads(self.body)
        if len(self.hub.blobs.get(asked["oid"], b"")) != asked["size"]:
            raise _Refusal(404, None, "No such object")
        self._json({})

    def commit(self, kind, name, revision):
        repository, parent, files = self._at(kind, name, revision)
        self._may_write(name.split("/")[0])
        files, title = dict(files), ""
        for line in self.body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit", parent) != parent:
                    raise _Refusal(412, None, "A commit has happened since")
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            else:  # deletedFile, deletedFolder
                gone = value["path"].rstrip("/")
                files = {
                    p: d for p, d in files.items() if p != gone and not p.startswith(gone + "/")
                }
        oid = repository.commit(files, title)
        place = name if kind == "models" else f"{kind}/{name}"
        url = f"{self.hub.endpoint}/{place}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})


REPO = r"/api/(models|datasets|spaces)/([^/]+/[^/]+)"
ROUTES = [
    (["GET", "HEAD"], "/?", lambda self: self._send(b"")),
    (["GET"], "/api/whoami-v2", Handler.whoami),
    (["HEAD"], "/api/telemetry/.+", lambda self: self._send(b"")),
    (["GET"], "/api/agent-harnesses", lambda self: self._json({"harnesses": {}})),
    (["POST"], "/api/repos/create", Handler.create),
    (["POST"], "/api/validate-yaml", Handler.validate),
    (["GET"], REPO, Handler.info),
    (["GET"], REPO + "/revision/(.+)", Handler.info),
    (["GET"], REPO + "/refs", Handler.refs),
    (["GET"], REPO + "/commits/(.+)", Handler.commits),
    (["GET"], REPO + "/tree/([^/]+)(?:/(.+))?", Handler.tree),
    (["POST"], REPO + "/paths-info/(.+)", Handler.paths_info),
    (["POST"], REPO + "/preupload/(.+)", Handler.preupload),
    (["POST"], REPO + "/commit/(.+)", Handler.commit),
    (
        ["POST"],
        r"/((?:datasets|spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch",
        Handler.lfs_batch,
    ),
    (
        ["GET", "HEAD"],
        r"/((?:datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)",
        Handler.resolve,
    ),
    (["GET", "HEAD"], "/storage/([0-9a-f]+)", Handler.storage),
    (["PUT"], "/storage/([0-9a-f]+)", Handler.store),
    (["POST"], "/verify", Handler.verify),
]
