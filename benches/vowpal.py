#!/usr/bin/env python3
"""The linear policies beside Vowpal Wabbit, in one run: nanoseconds a decision and an update with ten arms, and reward on files.

Usage: python3 benches/vowpal.py [--data DIR] [--wakeman PATH]
Needs: pip install vowpalwabbit numpy; cargo. DIR holds CSV files with x_* and r_<arm> columns; without it only the times are measured.

VW's examples are parsed before the clock starts, so its figures are predict_action and learn alone, called from Python (about 1 µs of
each is the call). numpy is one matrix per arm, all arms in one einsum. Prints one JSON object.
"""
import argparse, csv, json, pathlib, random, re, statistics, subprocess, time
import numpy
import vowpalwabbit

ARMS, DIMENSIONS, ROUNDS, SEEDS = 10, (5, 12, 64), 3000, (1, 2, 3)
CONFIGURATIONS = [
    "--cb_explore {k} --epsilon 0.05 --cb_type mtr", "--cb_explore {k} --epsilon 0.02 --cb_type dr",
    "--cb_explore {k} --first 200", "--cb_explore {k} --bag 5", "--cb_explore {k} --cover 5",
    "--cb_explore {k} --softmax --lambda 10", "--cb_explore {k} --epsilon 0.02 --interactions xx",
]


def timed(calls):
    took = []
    for call in calls:
        start = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - start)
    return statistics.median(took)


def features(row):
    return "|x " + " ".join(f"f{i}:{v:.6g}" for i, v in enumerate(row))


def vw_times(dimension):
    vw = vowpalwabbit.Workspace(f"--cb_explore {ARMS} --epsilon 0.05 --quiet", enable_logging=False)
    rng = random.Random(1)
    rows = [[rng.uniform(-1, 1) for _ in range(dimension)] for _ in range(ROUNDS)]
    plain = [vw.parse(features(row), vowpalwabbit.LabelType.CONTEXTUAL_BANDIT) for row in rows]
    taught = [vw.parse(f"{1 + i % ARMS}:{-0.5}:0.1 {features(row)}", vowpalwabbit.LabelType.CONTEXTUAL_BANDIT)
              for i, row in enumerate(rows)]
    update = timed([lambda e=e: vw.learn(e) for e in taught])
    decide = timed([lambda e=e: vw.predict(e) for e in plain])
    for example in plain + taught:
        vw.finish_example(example)
    vw.finish()
    return {"decide_ns": decide, "update_ns": update}


def numpy_times(dimension):
    rng = numpy.random.default_rng(1)
    inverse, theta = numpy.stack([numpy.eye(dimension)] * ARMS), numpy.zeros((ARMS, dimension))
    rows = rng.uniform(-1, 1, (ROUNDS, dimension))

    def decide(x):
        return int(numpy.argmax(theta @ x + 0.3 * numpy.sqrt(numpy.einsum("kij,i,j->k", inverse, x, x))))

    def update(x, arm):
        v = inverse[arm] @ x
        scale = 1 / (1 + x @ v)
        inverse[arm] -= scale * numpy.outer(v, v)
        theta[arm] += scale * (0.5 - theta[arm] @ x) * v

    return {"decide_ns": timed([lambda x=x: decide(x) for x in rows]),
            "update_ns": timed([lambda x=x, i=i: update(x, i % ARMS) for i, x in enumerate(rows)])}


def our_times():
    """The medians divan prints, as {"decide_linucb/5": ns, …}."""
    text = subprocess.run(["cargo", "bench", "-q", "-p", "wakeman-ranking", "--bench", "bandit"], capture_output=True,
                          text=True, check=True).stdout
    found, group = {}, ""
    for line in text.splitlines():
        if name := re.search(r"[├╰]─ (decide_\w+|update)", line):
            group = name[1]
        elif row := re.search(r"[├╰]─ (\d+)\s", line):
            median = re.findall(r"([\d.]+) (ns|µs|ms)", line)[2]
            found[f"{group}/{row[1]}"] = float(median[0]) * {"ns": 1, "µs": 1e3, "ms": 1e6}[median[1]]
    return found


def vw_reward(path, configuration, seed):
    rows = list(csv.DictReader(path.open()))[:8000]
    random.Random(seed).shuffle(rows)
    xs, arms = [n for n in rows[0] if n.startswith("x_")], [n for n in rows[0] if n.startswith("r_")]
    vw = vowpalwabbit.Workspace(configuration.format(k=len(arms)) + f" --quiet --random_seed {seed}", enable_logging=False)
    data = numpy.array([[float(row[name]) for name in xs] for row in rows])
    total, rng = 0.0, random.Random(seed + 1)
    counts = numpy.arange(1, len(rows) + 1)[:, None]
    means = numpy.cumsum(data, 0) / counts
    deviations = numpy.sqrt(numpy.maximum(numpy.cumsum(data**2, 0) / counts - means**2, 0))
    scaled = numpy.where(deviations > 1e-9, (data - means) / numpy.maximum(deviations, 1e-9), 0).clip(-4, 4)
    for row, x in zip(rows, scaled):
        text = features(x)
        chances = vw.predict(text)
        arm = rng.choices(range(len(arms)), chances)[0]
        reward = float(row[arms[arm]])
        vw.learn(f"{arm + 1}:{-reward}:{max(chances[arm], 1e-6)} {text}")
        total += reward
    vw.finish()
    return total / len(rows)


def our_reward(binary, path, policy, seed):
    text = subprocess.run([binary, "backtest", "rank", path, "--policy", policy, "--seed", str(seed), "--json"],
                          capture_output=True, text=True, check=True).stdout
    return json.loads(text.splitlines()[-1])["mean_reward"]


def rewards(folder, binary):
    files = sorted(pathlib.Path(folder).glob("*.csv"))
    mean = lambda of: round(statistics.mean(of(path, seed) for path in files for seed in SEEDS), 4)
    ours = {policy: mean(lambda path, seed: our_reward(binary, path, policy, seed))
            for policy in ("linucb-v1", "lints-v1", "egreedy-v1", "egreedy-v2", "linrff-v1")}
    return ours | {f"vw {c}": mean(lambda path, seed: vw_reward(path, c, seed)) for c in CONFIGURATIONS}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--wakeman", default="target/release/wakeman")
    args = parser.parse_args()
    result = {"wakeman_ns": our_times(), "vw": {d: vw_times(d) for d in DIMENSIONS},
              "numpy": {d: numpy_times(d) for d in DIMENSIONS}}
    if args.data:
        result["mean_reward"] = rewards(args.data, args.wakeman)
    print(json.dumps(result, indent=1))


main()
