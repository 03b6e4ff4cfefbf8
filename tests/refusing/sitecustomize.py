"""With this folder on PYTHONPATH, every Python refuses connections that would leave the machine.

Kernels and other child processes inherit it. Who asked is written to the file that ASKED names;
without ASKED the network stays as it is. Loopback stays, as kernels and the page speak over it.
With FAKE_GPU set, every Python has the GPU of `fake_gpu`; as with a real one, not where
CUDA_VISIBLE_DEVICES hides it.
"""

import os
import socket
import sys
import traceback
from pathlib import Path

NEAR = {"127.0.0.1", "::1", "localhost"}
connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
getaddrinfo = socket.getaddrinfo


def refuse(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host not in NEAR:
        with Path(os.environ["ASKED"]).open("a", encoding="utf-8") as asked:
            calls = [f"{c.filename}:{c.lineno}" for c in traceback.extract_stack()]
            asked.write(f"{host} by {calls[:-1]}\n")
        raise OSError(f"the network was asked for {host}")


def near(call):
    def checked(own, address, *rest):
        if own.family != getattr(socket, "AF_UNIX", None):
            refuse(address[0])
        return call(own, address, *rest)

    return checked


def resolve(host, *rest, **named):
    if host is not None:  # None is this machine
        refuse(host)
    return getaddrinfo(host, *rest, **named)


if "ASKED" in os.environ:
    socket.socket.connect, socket.socket.connect_ex = near(connect), near(connect_ex)
    socket.getaddrinfo = resolve

if "FAKE_GPU" in os.environ and os.environ.get("CUDA_VISIBLE_DEVICES") != "":
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    import fake_gpu

    fake_gpu.install()
