"""What the measurements of the chat adapters share: the daemon seen from outside, and a lab that plays the platform."""
import json, os, pathlib, re, signal, subprocess, sys, tempfile, threading, time, urllib.request

BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/wakeman"
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
FAULTS = int(sys.argv[3]) if len(sys.argv) > 3 else 500
# Messages a second at most; 0: as fast as they can be said.
RATE = float(sys.argv[4]) if len(sys.argv) > 4 else 0
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


class Stage:
    """A lab with nothing to watch as its own process, and an instance whose operators are the people who write."""

    def __init__(self, principals):
        self.folder = tempfile.TemporaryDirectory()
        scenario = pathlib.Path(self.folder.name, "t.toml")
        scenario.write_text(SCENARIO)
        self.served = subprocess.Popen([BINARY, "lab", "serve", "--scenario", str(scenario), "--listen", "127.0.0.1:0", "--json"],
                                       stdout=subprocess.PIPE, text=True)
        self.lab = json.loads(self.served.stdout.readline())["url"]
        self.env = {"PATH": os.environ["PATH"], "WAKEMAN_ROOT": self.folder.name + "/root", "NO_COLOR": "1"}
        subprocess.run([BINARY, "init", "--yes"], env=self.env, check=True, capture_output=True)
        settings = {"operators": [{"id": "ada", "role": "owner", "principals": principals}]}
        pathlib.Path(self.folder.name, "root/instances/default/read-only/settings.json").write_text(json.dumps(settings))

    def disk(self):
        """What the disk itself does to 1,000 plain writes in place, due at 300 a second: ms from when each was due, so that what waits
        behind a stall counts as it does for a message."""
        path = pathlib.Path(self.folder.name, "disk")
        path.write_bytes(b"x" * 4_096 * 250)
        took = []
        with open(path, "r+b", buffering=0) as file:
            os.fsync(file.fileno())
            begun = time.perf_counter()
            for i in range(1_000):
                due = begun + i / 300
                time.sleep(max(0, due - time.perf_counter()))
                os.pwrite(file.fileno(), b"y" * 4_096, i % 250 * 4_096)
                os.fdatasync(file.fileno())
                took.append(round((time.perf_counter() - due) * 1_000, 1))
        return {"p99": quantile(took, 0.99), "worst": max(took)}

    def memory(self, bot):
        """What the adapter adds: the same daemon with and without a token, both idle."""
        seen = {}
        for name, used in [("without", self.env), ("with", bot)]:
            daemon = Daemon(used)
            time.sleep(5)
            seen[f"rss_mb_{name}"] = round(rss_mb(daemon.process.pid), 1)
            daemon.stop()
        return seen


def paced(begun, said):
    """Waits until it is time to say the next one."""
    if RATE:
        time.sleep(max(0, begun + said / RATE - time.perf_counter()))


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
