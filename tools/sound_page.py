"""A page that plays a sound and records one, to see that the browser, loudspeaker and microphone work.

Needs only Python. The page is served on this machine alone, and what is recorded never leaves the
browser: only the loudest sample's size comes back.
"""

from __future__ import annotations  # course.py check starts with older Pythons, too

import io
import json
import math
import secrets
import struct
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATE, SECONDS = 16_000, 1.5
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sound check</title>
<meta name="viewport" content="width=device-width">
<style>
body {font: 1.1rem/1.5 sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem;
  color: #111; background: #fff}
button {font: inherit; padding: .4rem 1rem; margin: .2rem .4rem .2rem 0}
[role=status] {font-weight: bold; min-height: 1.5em}
</style></head><body>
<h1>Sound check</h1>
<h2>1. Loudspeaker</h2>
<p>Play the sound: two tones, the second one higher.</p>
<audio id="sound" controls src="sound.wav"></audio>
<p><button id="heard">I heard it</button><button id="silent">I heard nothing</button></p>
<h2>2. Microphone</h2>
<p>Press the button, allow the microphone, and say something for two seconds. The recording stays in
this browser.</p>
<p><button id="record">Record</button></p>
<audio id="mine" controls hidden></audio>
<p id="told" role="status" aria-live="polite"></p>
<script>
const answers = {}, told = document.getElementById("told");
async function tell(part) {
  Object.assign(answers, part);
  if ("heard" in answers && "peak" in answers) {
    await fetch("answer", {method: "POST", body: JSON.stringify(answers)});
    told.textContent = "Done. Close this page, and go back to the terminal.";
  }
}
document.getElementById("heard").onclick = () => tell({heard: true});
document.getElementById("silent").onclick = () => tell({heard: false});
document.getElementById("record").onclick = async () => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({audio: true});
  } catch (error) {
    told.textContent = "No microphone: " + error.message;
    return tell({peak: null, trouble: error.name});
  }
  told.textContent = "Recording ...";
  const recorder = new MediaRecorder(stream), parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.onstop = async () => {
    stream.getTracks().forEach(track => track.stop());
    const blob = new Blob(parts), player = document.getElementById("mine");
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
    const sound = await new AudioContext().decodeAudioData(await blob.arrayBuffer());
    const peak = sound.getChannelData(0).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    told.textContent = "Recorded. Listen to it.";
    tell({peak});
  };
  recorder.start();
  setTimeout(() => recorder.stop(), 2000);
};
</script></body></html>
"""


def sound() -> bytes:
    """Two tones, as a WAV file."""
    count = int(RATE * SECONDS)
    values = []
    for n in range(count):
        tone = 330 if n < count // 2 else 440
        fade = min(1.0, n % (count // 2) / 800, (count // 2 - n % (count // 2)) / 800)
        values.append(int(8000 * max(fade, 0) * math.sin(2 * math.pi * tone * n / RATE)))
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(struct.pack(f"<{count}h", *values))
    return file.getvalue()


class SoundPage:
    """The page, served until `close`. `address` is where it is; `wait` gives the answers.

    The answers are {"heard": whether the sound was heard, "peak": the recording's loudest sample,
    0 to 1, or None without a microphone, "trouble": the browser's name of what went wrong}.
    """

    def __init__(self):
        self.answers = None
        self._answered = threading.Event()
        token = secrets.token_urlsafe(8)
        page = self

        class Handler(BaseHTTPRequestHandler):
            def permitted(self, name):
                """Whether our own page sent the request; no other page knows the token."""
                host = self.headers.get("Host", "").rsplit(":", 1)[0]
                own = host in ("127.0.0.1", "localhost")
                return own and self.path == f"/{token}/{name}"

            def reply(self, content, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                if self.permitted(""):
                    self.reply(PAGE.encode(), "text/html; charset=utf-8")
                elif self.permitted("sound.wav"):
                    self.reply(sound(), "audio/wav")
                else:
                    self.send_error(404)

            def do_POST(self):
                if not self.permitted("answer"):
                    return self.send_error(404)
                try:
                    size = min(int(self.headers.get("Content-Length", 0)), 1000)
                    answers = json.loads(self.rfile.read(size))
                    page.answers = {"heard": bool(answers["heard"]), "peak": answers["peak"],
                                    "trouble": str(answers.get("trouble", ""))}  # fmt: skip
                except (ValueError, KeyError, TypeError):
                    return self.send_error(400)
                self.reply(b"{}", "application/json")
                page._answered.set()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/{token}/"

    def wait(self, seconds: float) -> dict | None:
        """The answers, or None if nobody answered in time."""
        self._answered.wait(seconds)
        return self.answers

    def close(self) -> None:
        """End the page."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
