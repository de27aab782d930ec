"""What the measurements of the chat adapters share: the daemon seen from outside, and a lab that plays the platform."""
import json, pathlib, re, signal, subprocess, sys, threading, time, urllib.request

BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/wakeman"
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
FAULTS = int(sys.argv[3]) if len(sys.argv) > 3 else 500
SCENARIO = '[scenario]\nname = "t"\nseed = 3\nstart = "2026-01-05T08:00:00Z"\nhours = 1\nstep_minutes = 5\nwarmup_hours = 1\n' \
           '[[metric]]\nname = "m"\nkind = "count"\nlevel = 1\n'


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def fault(lab, service, match, mode):
    """Plants a fault, once the last one for the same calls has come: a day's faults do not stand in a queue."""
    while any(waiting["match"] == match for waiting in ask(f"{lab}/_lab/faults")):
        time.sleep(0.02)
    ask(f"{lab}/_lab/faults", {"service": service, "match": match, "mode": mode, "times": 1})


def rss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Daemon:
    """The daemon with its log, from which the adapter's own times are read."""

    def __init__(self, env, *more):
        self.took, self.lines = [], []
        self.process = subprocess.Popen([BINARY, "-vv", "run", "--listen", "127.0.0.1:0", *more], env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.up = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        if not self.up.wait(30):
            raise SystemExit("the daemon did not come up")

    def read(self):
        for line in self.process.stderr:
            if "listening on" in line:
                self.up.set()
            plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
            found = re.search(r"accepted\.new=(\d+).*accepted\.took_ms=(\d+)", plain)
            if found:
                self.took.extend([int(found.group(2))] * int(found.group(1)))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None
