#!/usr/bin/env python3
"""Measures the daemon from outside: start to healthy, idle memory with 50 metrics, calls to the sources per look.

Usage: python3 benches/daemon.py [path to the wakeman binary]   (default target/release/wakeman; standard library only)

A lab with 50 metrics is served as its own process; between it and the daemon stands a proxy that counts requests.
Prints one JSON object.
"""
import http.client, http.server, json, os, pathlib, re, signal, statistics, subprocess, sys, tempfile, threading, time, urllib.request

BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/wakeman"
STARTS, LOOKS, METRICS = 15, 20, 50
counts = {"posthog": 0, "github": 0}


def scenario(path):
    start = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 7200))
    rows = [f'[scenario]\nname = "fifty"\nseed = 1\nstart = "{start}"\nhours = 24\nstep_minutes = 5\nwarmup_hours = 672\n']
    for n in range(METRICS):
        rows.append(f'[[metric]]\nname = "metric {n}"\nkind = "count"\nlevel = {20 + n}\ndaily_amplitude = 0.3\n'
                    f'weekly_amplitude = 0.1\ntrend_per_day = 0.0\nnoise = "poisson"\nevent = "event_{n}"\n')
    for n in range(20):
        rows.append(f'[[change]]\nid = "c{n}"\nat = {-3 * n - 1}.0\nkind = "merge"\ntitle = "work {n}"\nauthor = "lin"\n'
                    f'files = ["src/f{n}.ts"]\n')
    path.write_text("\n".join(rows))


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a connection the stopped daemon left behind


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None

    def relay(self):
        service = self.path.split("/")[1]
        counts[service] = counts.get(service, 0) + 1
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        upstream = http.client.HTTPConnection(*self.upstream)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for k, v in answer.getheaders():
            if k.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(k, v)
        self.send_header("content-length", str(len(data)))
        upstream.close()
        try:
            self.end_headers()
            self.wfile.write(data)
        except BrokenPipeError:
            pass  # the daemon was stopped meanwhile

    do_GET = do_POST = do_PATCH = do_PUT = relay

    def log_message(self, *_):
        pass


def rss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


def healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=0.2) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wakeman-bench-"))
    file = folder / "fifty.toml"
    scenario(file)
    lab = subprocess.Popen([BINARY, "lab", "serve", "--scenario", str(file), "--json"], stdout=subprocess.PIPE, text=True)
    url = json.loads(lab.stdout.readline())["url"]
    Proxy.upstream = tuple(url.removeprefix("http://").split(":"))
    proxy = Server(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{proxy.server_address[1]}"
    env = {**os.environ, "POSTHOG_API_KEY": "phx_x", "POSTHOG_PROJECT_ID": "1", "POSTHOG_HOST": f"{base}/posthog",
           "GITHUB_TOKEN": "t", "GITHUB_API_URL": f"{base}/github", "WAKEMAN_ROOT": str(folder / "root")}
    subprocess.run([BINARY, "init", "--yes", "-q"], env=env, check=False, stdout=subprocess.DEVNULL)
    settings = folder / "root/instances/default/read-only/settings.json"
    settings.write_text(json.dumps({
        "monitor": {"intervalMs": 1000},
        "posthog": {"events": [f"event_{n}" for n in range(METRICS)], "rateShare": 1.0},
        "github": {"repository": "acme/app"}}))
    starts = []
    for _ in range(STARTS):
        began = time.perf_counter()
        daemon = subprocess.Popen([BINARY, "run", "--listen", "127.0.0.1:6931", "-q"], env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not healthy(6931):
            time.sleep(0.001)
        starts.append((time.perf_counter() - began) * 1000)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
    daemon = subprocess.Popen([BINARY, "run", "--listen", "127.0.0.1:6931", "-q"], env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(8)
    before = dict(counts)
    time.sleep(LOOKS)
    after = dict(counts)
    memory = rss_mb(daemon.pid)
    daemon.send_signal(signal.SIGTERM)
    code = daemon.wait()
    lab.terminate()
    print(json.dumps({
        "start_to_healthy_ms": {"median": round(statistics.median(starts), 1), "max": round(max(starts), 1)},
        "idle_rss_mb_50_metrics": round(memory, 1), "exit_code_on_sigterm": code,
        "calls_per_look": {k: round((after[k] - before[k]) / LOOKS, 2) for k in counts}}))


main()
