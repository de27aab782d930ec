#!/usr/bin/env python3
"""Measures the Telegram adapter from outside: a daemon, the lab's Bot API as its own process.

Usage: python3 benches/telegram.py [path to the wakeman binary] [messages] [faults] [messages a second]
       (defaults target/release/wakeman, 5000, 500, as fast as can be; standard library only)

A day's volume: messages from 60 people, with 429, 5xx, lost answers and a second poller among the calls. Every message must be answered
once, or again with a mark. Then updates a second with a full queue, the time from an update to its durable acceptance, and what the
adapter adds to memory. Prints one JSON object.
"""
import json, time, urllib.error

from chats import BINARY, FAULTS, MESSAGES, Daemon, Stage, ask, fault, paced, quantile, rss_mb

PEOPLE = list(range(1_000, 1_060))


def answered(lab):
    """How many answers each person has, plain and marked."""
    plain = marked = 0
    for person in PEOPLE:
        try:
            chat = ask(f"{lab}/_lab/telegram/chat?id={person}")
        except urllib.error.HTTPError:
            continue
        texts = [m["text"] for m in chat["messages"] if m["from"] == "bot"]
        again = sum(text.startswith("Sent again") for text in texts)
        marked += again
        plain += len(texts) - again
    return plain, marked


def main():
    stage = Stage([f"telegram:{p}" for p in PEOPLE])
    lab = stage.lab
    bot = stage.env | {"TELEGRAM_API_URL": f"{lab}/telegram", "TELEGRAM_BOT_TOKEN": "77:bench"}
    ask(f"{lab}/_lab/telegram/config", {"limits": False})
    try:
        result = stage.memory(bot)

        # A full queue: taken as fast as it can be. Words that owe no answer, so that sending does not slow it.
        for i in range(3_000):
            ask(f"{lab}/_lab/telegram/update", {"edited_message": {"message_id": "x"}})
        daemon = Daemon(bot)
        begun = time.perf_counter()
        while ask(f"{lab}/_lab/telegram/config")["pending_updates"] > 0:
            time.sleep(0.02)
        result["updates_per_second"] = round(3_000 / (time.perf_counter() - begun))

        # The day, and what the disk does before and after it.
        result["disk_ms_before"] = stage.disk()
        daemon.took.clear()
        begun = time.perf_counter()
        modes = [("sendmessage$", "throttled"), ("getupdates$", "reply_lost"), ("sendmessage$", "reply_lost"),
                 ("getupdates$", "not_applied"), ("sendmessage$", "not_applied"), ("getupdates$", "throttled")]
        every = max(1, MESSAGES // max(1, FAULTS))
        for i in range(MESSAGES):
            paced(begun, i)
            ask(f"{lab}/_lab/telegram/say", {"user": PEOPLE[i % len(PEOPLE)], "text": "/whoami"})
            if i % every == 0 and i // every < FAULTS:
                kind = (i // every) % (len(modes) + 1)
                if kind == len(modes) or "getupdates" in modes[kind][0]:
                    # A poll gets through between two that fail, as on a bad day; a poll that never does is an outage.
                    while ask(f"{lab}/_lab/telegram/config")["pending_updates"] > 0:
                        time.sleep(0.02)
                if kind == len(modes):
                    ask(f"{lab}/_lab/telegram/config", {"rival_polls": 1})
                else:
                    match, mode = modes[kind]
                    fault(lab, "telegram", f"(?i){match}", mode)
        result["said_in_s"] = round(time.perf_counter() - begun, 1)
        plain = marked = 0
        while time.perf_counter() - begun < 900:
            plain, marked = answered(lab)
            if plain + marked >= MESSAGES and ask(f"{lab}/_lab/telegram/config")["pending_updates"] == 0:
                break
            time.sleep(1)
        result |= {"messages": MESSAGES, "faults": FAULTS, "answered_plain": plain, "answered_marked": marked,
                   "wall_clock_s": round(time.perf_counter() - begun, 1), "accepted": len(daemon.took),
                   "accept_ms_p50": quantile(daemon.took, 0.5), "accept_ms_p99": quantile(daemon.took, 0.99),
                   "accept_ms_worst": max(daemon.took, default=None),
                   "rss_mb_after": round(rss_mb(daemon.process.pid), 1)}
        daemon.stop()
        result["disk_ms_after"] = stage.disk()
    finally:
        stage.served.kill()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
