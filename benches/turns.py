#!/usr/bin/env python3
"""Measures chat turns from outside: a daemon, the lab's model on loopback, clients on the instance's socket.

Usage: python3 benches/turns.py [path to the wakeman binary] [turns of the soak]
       (defaults target/release/wakeman and 10000; standard library only)

One durable turn over the model's own time, first word to the client, turns a second with 8 clients, the same with 100,000 stored
messages and in a thread with 2,000 of them, and memory over a soak. Prints one JSON object.
"""
import http.client, json, os, pathlib, re, signal, socket, sqlite3, statistics, subprocess, sys, tempfile, threading, time, urllib.request

BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/wakeman"
SOAK = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
SINGLE, CLIENTS, BURST = 300, 8, 2_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(check, what):
    until = time.time() + 30
    while time.time() < until:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"{what} did not come up")


def rss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Client:
    """One kept connection to the instance's socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))

    def turn(self, message, thread=None):
        """Milliseconds to the first word and to the end, the thread."""
        body = {"message": message}
        if thread:
            body["thread_id"] = thread
        body = json.dumps(body).encode()
        head = (f"POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        begun = time.perf_counter()
        self.socket.sendall(head + body)
        got, first = b"", None
        while not got.endswith(b"0\r\n\r\n"):
            piece = self.socket.recv(65536)
            if not piece:
                raise SystemExit(f"the daemon hung up: {got[-500:]!r}")
            got += piece
            if first is None and b'"token"' in got:
                first = time.perf_counter()
            if b" 200 " not in got[:20]:
                raise SystemExit(got.decode(errors="replace"))
        end = time.perf_counter()
        if b'"state":"answered"' not in got:
            raise SystemExit(got.decode(errors="replace")[-2000:])
        name = re.search(rb'"thread_id":"([^"]+)"', got).group(1).decode()
        return ((first or end) - begun) * 1e3, (end - begun) * 1e3, name


def model_alone(port, runs):
    """Milliseconds to the first word and to the end of the model by itself."""
    body = json.dumps({"model": "chat", "stream": True, "stream_options": {"include_usage": True},
                       "messages": [{"role": "user", "content": "ping"}]})
    firsts, ends = [], []
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(runs):
        begun = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", body,
                           {"content-type": "application/json", "authorization": "Bearer lab"})
        answer = connection.getresponse()
        first = None
        while True:
            piece = answer.readline()
            if not piece:
                break
            if first is None and b"content" in piece:
                first = time.perf_counter()
        answer.read()
        end = time.perf_counter()
        firsts.append(((first or end) - begun) * 1e3)
        ends.append((end - begun) * 1e3)
    return statistics.median(firsts), statistics.median(ends)


def burst(path, turns, clients, thread_each=False):
    """Turns a second, with every turn in a thread of its own or each client in one."""
    done, lock = [], threading.Lock()

    def work(count):
        client, thread, mine = Client(path), None, []
        for n in range(count):
            first, end, name = client.turn(f"ping {n}", thread)
            thread = name if thread_each else None
            mine.append(end)
        with lock:
            done.extend(mine)

    begun = time.perf_counter()
    threads = [threading.Thread(target=work, args=(turns // clients,)) for _ in range(clients)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return len(done) / (time.perf_counter() - begun), statistics.median(done)


def fill(database, messages, in_one):
    """Stored messages by hand: threads of ten, and one long thread."""
    db = sqlite3.connect(database)
    now = int(time.time() * 1000) - 3_600_000

    def thread(name, count):
        body = {"threadId": name, "conversationId": f"conversation-{name}", "channel": "cli", "title": name, "createdAt": now,
                "updatedAt": now}
        db.execute("INSERT INTO entities (kind,id,version,sort_key,updated_ms,body) VALUES ('thread',?,1,?,?,?)",
                   (name, now, now, json.dumps(body)))
        for n in range(1, count + 1):
            message = {"conversationId": f"conversation-{name}", "threadId": name, "messageId": f"m{n}",
                       "role": "user" if n % 2 else "agent", "channel": "cli", "content": f"said {n} of F-{n}", "createdAt": now,
                       "ordinal": n}
            db.execute("INSERT INTO entities (kind,id,version,parent,sort_key,updated_ms,body) VALUES ('message',?,1,?,?,?,?)",
                       (f"{name}/m{n}", name, n, now, json.dumps(message)))

    with db:
        for n in range((messages - in_one) // 10):
            thread(f"thread_fill{n}", 10)
        thread("thread_long", in_one)
    db.close()


class Daemon:
    def __init__(self, root, model):
        self.socket = root / "instances/default/storage/wakeman.sock"
        port = free_port()
        env = {**os.environ, "LITELLM_URL": f"http://127.0.0.1:{model}/v1", "LITELLM_MASTER_KEY": "lab"}
        self.process = subprocess.Popen([BINARY, "--root", str(root), "--listen", f"127.0.0.1:{port}", "run"], env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).status == 200, "the daemon")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def singles(path, thread=None, runs=SINGLE):
    client = Client(path)
    for _ in range(20):
        client.turn("ping", thread)
    got = [client.turn("ping", thread) for _ in range(runs)]
    return statistics.median(t[0] for t in got), statistics.median(t[1] for t in got)


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="wakeman-turns-"))
    model = free_port()
    lab = subprocess.Popen([BINARY, "lab", "serve", "--scenario", "quiet", "--listen", f"127.0.0.1:{model}"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out = {"load_before": os.getloadavg()[0]}
    try:
        wait_for(lambda: urllib.request.urlopen(f"http://127.0.0.1:{model}/_lab/state", timeout=1).status == 200, "the lab")
        rules = json.dumps([{"match": "any", "text": "pong"}]).encode()
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{model}/_lab/model", rules,
                                                      {"content-type": "application/json"}))
        subprocess.run([BINARY, "--root", str(root), "init", "--yes"], check=True, stdout=subprocess.DEVNULL)
        settings = root / "instances/default/read-only/settings.json"
        changed = json.loads(settings.read_text())
        changed["ai"] = {"dailyBudgetUsd": 1_000_000.0}
        settings.write_text(json.dumps(changed))
        out["model_first_ms"], out["model_ms"] = model_alone(model, SINGLE)
        daemon = Daemon(root, model)
        out["first_word_ms"], out["turn_ms"] = singles(daemon.socket)
        out["turns_per_s_8_clients"], out["turn_ms_8_clients"] = burst(daemon.socket, BURST, CLIENTS)
        daemon.stop()
        fill(root / "instances/default/storage/wakeman.db", 100_000, 2_000)
        daemon = Daemon(root, model)
        time.sleep(3)  # the files of the new threads are written first
        _, out["turn_ms_100k_messages"] = singles(daemon.socket)
        _, out["turn_ms_long_thread"] = singles(daemon.socket, "thread_long")
        burst(daemon.socket, min(2_000, SOAK), CLIENTS)
        out["rss_mb_before_soak"] = rss_mb(daemon.process.pid)
        burst(daemon.socket, SOAK, CLIENTS)
        out["rss_mb_after_soak"] = rss_mb(daemon.process.pid)
        daemon.stop()
    finally:
        lab.kill()
    out["over_model_ms"] = out["turn_ms"] - out["model_ms"]
    out["first_word_over_model_ms"] = out["first_word_ms"] - out["model_first_ms"]
    out["history_ratio"] = out["turn_ms_100k_messages"] / out["turn_ms"]
    out["long_thread_ratio"] = out["turn_ms_long_thread"] / out["turn_ms"]
    out["soak_turns"], out["soak_growth"] = SOAK, out["rss_mb_after_soak"] / out["rss_mb_before_soak"] - 1
    out["load_after"] = os.getloadavg()[0]
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in out.items()}, indent=1))


main()
