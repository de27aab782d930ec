#!/usr/bin/env python3
"""Writes crates/wakeman/layout.txt anew: the functions a daemon that watches really runs, which the linker then puts side by side.

Usage: WAKEMAN_LINK_MAP=/tmp/wakeman.map cargo build --release
       python3 benches/layout.py /tmp/wakeman.map [path to the wakeman binary]   (needs valgrind)

The daemon runs under callgrind for some minutes against a lab with 50 metrics, as in benches/daemon.py. Memory comes in pages, and with
each page its neighbours: functions that run, spread over the whole program, would bring nearly all of it in.
A list from another compiler or another version of a crate costs memory and nothing else: names that do not exist are passed over.
"""
import bisect, json, os, pathlib, re, signal, subprocess, sys, tempfile, time

MAP = pathlib.Path(sys.argv[1])
BINARY = os.path.realpath(sys.argv[2] if len(sys.argv) > 2 else "target/release/wakeman")
LIST = pathlib.Path(__file__).parent.parent / "crates/wakeman/layout.txt"
METRICS, RUN_S = 50, 300


def functions():
    """Start, size and name of each function's section, in the order of their addresses."""
    found = []
    for line in MAP.open():
        match = re.match(r"\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+\s+\S*:\(\.text\.(?:unlikely\.|hot\.)?([^)]+)\)", line)
        if match:
            found.append((int(match[1], 16), int(match[2], 16), match[3]))
    return sorted(found)


def executed(profile):
    """The addresses that ran in the program itself."""
    ours, addresses = False, set()
    for line in profile.open():
        if line.startswith("ob="):
            ours = os.path.realpath(line[3:].strip()) == BINARY
        elif ours and line.startswith("0x"):
            addresses.add(int(line.split(None, 1)[0], 16))
    return addresses


def watched(folder):
    """Runs the daemon under callgrind; returns what it wrote."""
    start = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 7200))
    rows = [f'[scenario]\nname = "fifty"\nseed = 1\nstart = "{start}"\nhours = 24\nstep_minutes = 5\nwarmup_hours = 672\n']
    rows += [f'[[metric]]\nname = "metric {n}"\nkind = "count"\nlevel = {20 + n}\ndaily_amplitude = 0.3\nweekly_amplitude = 0.1\n'
             f'trend_per_day = 0.0\nnoise = "poisson"\nevent = "event_{n}"\n' for n in range(METRICS)]
    rows += [f'[[change]]\nid = "c{n}"\nat = {-3 * n - 1}.0\nkind = "merge"\ntitle = "work {n}"\nauthor = "lin"\nfiles = ["src/f{n}.ts"]\n'
             for n in range(20)]
    (folder / "fifty.toml").write_text("\n".join(rows))
    lab = subprocess.Popen([BINARY, "lab", "serve", "--scenario", str(folder / "fifty.toml"), "--listen", "127.0.0.1:0", "--json"],
                           stdout=subprocess.PIPE, text=True)
    url = json.loads(lab.stdout.readline())["url"]
    # With an allocator setting given the daemon does not start itself anew.
    env = {**os.environ, "MALLOC_ARENA_MAX": "1", "POSTHOG_API_KEY": "phx_x", "POSTHOG_PROJECT_ID": "1", "POSTHOG_HOST": f"{url}/posthog",
           "GITHUB_TOKEN": "t", "GITHUB_API_URL": f"{url}/github", "WAKEMAN_ROOT": str(folder / "root")}
    subprocess.run([BINARY, "init", "--yes", "-q"], env=env, check=False, stdout=subprocess.DEVNULL)
    (folder / "root/instances/default/read-only/settings.json").write_text(json.dumps({
        "monitor": {"intervalMs": 1000}, "github": {"repository": "acme/app"},
        "posthog": {"events": [f"event_{n}" for n in range(METRICS)], "rateShare": 1.0}}))
    profile = folder / "profile"
    daemon = subprocess.Popen(["valgrind", "-q", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no",
                               f"--callgrind-out-file={profile}", BINARY, "run", "--listen", "127.0.0.1:0", "-q"], env=env,
                              stdout=subprocess.DEVNULL)
    time.sleep(RUN_S)
    daemon.send_signal(signal.SIGTERM)
    daemon.wait()
    lab.terminate()
    return profile


def main():
    known = functions()
    starts = [start for start, _, _ in known]
    ran, size = set(), 0
    with tempfile.TemporaryDirectory() as folder:
        for address in executed(watched(pathlib.Path(folder))):
            start, length, name = known[max(0, bisect.bisect_right(starts, address) - 1)]
            if start <= address < start + length and name not in ran:
                ran.add(name)
                size += length
    LIST.write_text("\n".join(sorted(ran)) + "\n")
    print(json.dumps({"functions": len(known), "ran": len(ran), "ran_mb": round(size / 1e6, 1)}))


main()
