"""`icingest sim` for as long as a measurement needs it, and ports for it and others."""
import json
import os
import socket
import subprocess
import time
import urllib.request

import measure


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("the simulator ended")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the simulator does not listen")


class Simulator:
    """The sources as `icingest sim` plays them; `now`: when it and its clients believe it is."""

    def __init__(self, binary, options, log, now=None):
        self.port, self.log = free_port(), log
        self.clock = {"ICINGEST_NOW": now} if now else {}
        self.url = f"http://127.0.0.1:{self.port}"
        self.argv = [binary, "sim", "--listen", f"127.0.0.1:{self.port}", *options]

    def __enter__(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                self.argv, stdout=out, stderr=out, env={**os.environ, **self.clock}
            )
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def stats(self):
        with urllib.request.urlopen(f"{self.url}/__sim/stats") as answer:
            return json.load(answer)

    def environment(self):
        """What a client of it is told, and nothing of ours but where programs are."""
        return {
            **measure.plain_environment(),
            **self.clock,
            "MASSIVE_BASE_URL": self.url,
            "MASSIVE_API_KEY": "bench",
            "SEC_DATA_URL": self.url,
            "SEC_WWW_URL": self.url,
            "SEC_USER_AGENT": "Example Company admin@example.com",
        }
