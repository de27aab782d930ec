#!/usr/bin/env python3
"""`wakeman ask` through a real LiteLLM proxy whose upstream misbehaves in every way that was thought of.

    cargo build --release
    python3 -m venv /tmp/wakeman-litellm && /tmp/wakeman-litellm/bin/pip install 'litellm[proxy]' prisma
    python3 scripts/litellm/run.py --litellm /tmp/wakeman-litellm/bin/litellm

Starts the upstream and the proxy on free ports, makes a throw-away instance for each manner, asks one question, and prints exit
code, time, upstream calls and what was said, beside what is expected. Exit 0 if all is as expected. Nothing leaves the machine; about a
minute and 700 MB of disk for LiteLLM.
"""
import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import upstream

KEY = "sk-wakeman-script"
MANNERS = ["ok", "tool", "429", "500", "400", "401", "slow", "cut", "cut-words", "garbage", "empty", "endless"]
# manner, fallback, key, exit code, what must be said, upstream calls at most
CASES = [
    ("ok", None, KEY, 0, r"Hello from the upstream", 1),
    ("tool", None, KEY, 0, r"Hello from the upstream", 2),
    ("429", None, KEY, 4, r"rate-limited|Rate limit", 3),
    ("500", None, KEY, 4, r"does not answer .*500", 3),
    ("400", None, KEY, None, r"longer than the model can read", 4),
    ("401", None, KEY, 4, r"proxy's own key", 1),
    ("slow", None, KEY, 4, r"408, ", 3),
    ("cut", None, KEY, 4, r"broke off", 3),
    ("cut-words", None, KEY, None, r"broke off", 1),
    ("garbage", None, KEY, 4, r"empty answer|does not answer", 3),
    ("empty", None, KEY, 4, r"empty answer", 3),
    ("endless", None, KEY, None, r"", 26),
    ("nobody-has-this", None, KEY, None, r"Invalid model name", 0),
    ("500", "ok", KEY, 0, r"Hello from the upstream", 2),
    ("429", "ok", KEY, 0, r"Hello from the upstream", 2),
    ("ok", None, "sk-wrong", 4, r"does not accept our key", 0),
]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_proxy(litellm, folder, port):
    entry = lambda name: {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": f"http://127.0.0.1:{port}/v1",
                          "api_key": "sk-upstream", "timeout": 4, "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}
    config = {"model_list": [entry(name) for name in MANNERS], "litellm_settings": {"num_retries": 0},
              "general_settings": {"master_key": KEY}}
    path = os.path.join(folder, "config.yaml")
    with open(path, "w") as file:
        json.dump(config, file)  # JSON is YAML
    listen = free_port()
    log = open(os.path.join(folder, "proxy.log"), "w")
    command = [litellm, "--config", path, "--host", "127.0.0.1", "--port", str(listen)]
    proxy = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    url = f"http://127.0.0.1:{listen}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/health/liveliness", timeout=2)
            return proxy, url
        except OSError:
            if proxy.poll() is not None:
                break
            time.sleep(0.5)
    sys.exit(f"the proxy did not start; see {log.name}")


def ask(wakeman, folder, url, case, index):
    manner, fallback, key, _, _, _ = case
    root = os.path.join(folder, f"instance-{index}")
    env = {**os.environ, "WAKEMAN_ROOT": root, "LITELLM_URL": url, "LITELLM_MASTER_KEY": key, "NO_COLOR": "1"}
    subprocess.run([wakeman, "init", "--yes"], env=env, capture_output=True, check=False)
    path = os.path.join(root, "instances/default/read-only/settings.json")
    with open(path) as file:
        settings = json.load(file)
    settings["ai"] = {"aliases": {"chat": manner}, "timeoutMs": 20_000, **({"fallback": {"chat": fallback}} if fallback else {})}
    with open(path, "w") as file:
        json.dump(settings, file)
    begun = time.monotonic()
    done = subprocess.run([wakeman, "ask", "how are sign-ups?"], env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, time.monotonic() - begun, (done.stdout + done.stderr).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", default=shutil.which("litellm"), help="the proxy's program")
    parser.add_argument("--wakeman", default="target/release/wakeman", help="ours")
    options = parser.parse_args()
    if not options.litellm or not os.path.exists(options.wakeman):
        sys.exit("needs LiteLLM (--litellm) and a built wakeman (--wakeman); the head of this file says how")
    wakeman = os.path.abspath(options.wakeman)
    host = upstream.serve()
    threading.Thread(target=host.serve_forever, daemon=True).start()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="wakeman-litellm-") as folder:
        proxy, url = start_proxy(options.litellm, folder, host.server_port)
        try:
            for index, case in enumerate(CASES):
                manner, fallback, key, code, words, most = case
                host.calls.clear()
                got, seconds, said = ask(wakeman, folder, url, case, index)
                calls = len(host.calls)
                leaked = KEY in said or "sk-wrong" in said
                right = (code is None or got == code) and re.search(words, said, re.S) and calls <= most and not leaked
                wrong += not right
                name = manner + (f" then {fallback}" if fallback else "") + ("" if key == KEY else ", wrong key")
                print(f"{'ok   ' if right else 'WRONG'} {name}: exit {got}, {seconds:.1f} s, {calls} upstream calls")
                print("      " + said.replace("\n", "\n      ")[:600])
        finally:
            proxy.terminate()
            proxy.wait(20)
    print(f"{len(CASES) - wrong} of {len(CASES)} as expected")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
