#!/usr/bin/env python3
"""Measures the Discord adapter from outside: a daemon, the lab's Discord as its own process.

Usage: python3 benches/discord.py [path to the wakeman binary] [messages] [faults] [messages a second]
       (defaults target/release/wakeman, 5000, 500, as fast as can be; standard library only)

A day's volume: messages from 60 people, with 429, 5xx, lost answers, lost sockets and lost sessions among the calls. Every message must
be answered once. Then updates a second with a full queue, the time from an event on the socket to its durable acceptance, and what the
adapter adds to memory. Prints one JSON object.
"""
import json, time, urllib.error

from chats import BINARY, FAULTS, MESSAGES, Daemon, Stage, ask, fault, paced, quantile, rss_mb

PEOPLE = [str(person) for person in range(5_000, 5_060)]


def say(lab, person, text):
    ask(f"{lab}/_lab/discord", {"do": "say", "user": person, "channel": "dm", "text": text})


def answered(lab, bot):
    """How many answers there are, plain and marked."""
    plain = marked = 0
    for person in PEOPLE:
        try:
            room = ask(f"{lab}/_lab/discord/channels/dm:{person}")
        except urllib.error.HTTPError:
            continue
        texts = [m["content"] for m in room["messages"] if m["author"] == bot]
        again = sum("Sent again" in text for text in texts)
        marked += again
        plain += len(texts) - again
    return plain, marked


def connected(lab, before=0):
    """Waits until a client is connected that was not before."""
    while True:
        state = ask(f"{lab}/_lab/discord")
        if state["connected"] == 1 and state["connections"] > before:
            return state
        time.sleep(0.02)


def main():
    stage = Stage([f"discord:{p}" for p in PEOPLE])
    lab = stage.lab
    bot = stage.env | {"DISCORD_API_URL": f"{lab}/discord", "DISCORD_BOT_TOKEN": "a.b.c"}
    ask(f"{lab}/_lab/discord", {"do": "limits", "messages": 50, "seconds": 0.2})
    try:
        result = stage.memory(bot)

        # A full queue: said while the bot is away, told when its session is taken up again. Words that owe no answer.
        daemon = Daemon(bot)
        me = connected(lab)["bot"]
        for person in PEOPLE:
            say(lab, person, "/whoami")
        while sum(answered(lab, me)) < len(PEOPLE):
            time.sleep(0.1)
        daemon.stop()
        for i in range(3_000):
            ask(f"{lab}/_lab/discord", {"do": "say", "user": PEOPLE[i % len(PEOPLE)], "channel": "dm", "text": "x", "forwarded": True})
        daemon = Daemon(bot)
        begun = time.perf_counter()
        while len(daemon.took) < 3_000 and time.perf_counter() - begun < 120:
            time.sleep(0.02)
        result["updates_per_second"] = round(len(daemon.took) / (time.perf_counter() - begun))

        # The day, and what the disk does before and after it.
        result["disk_ms_before"] = stage.disk()
        daemon.took.clear()
        before = sum(answered(lab, me))
        begun = time.perf_counter()
        modes = ["throttled", "reply_lost", "not_applied", "applied", "drop", "reconnect", "invalidate"]
        every = max(1, MESSAGES // max(1, FAULTS))
        for i in range(MESSAGES):
            paced(begun, i)
            say(lab, PEOPLE[i % len(PEOPLE)], "/whoami")
            if i % every == 0 and i // every < FAULTS:
                mode = modes[(i // every) % len(modes)]
                if mode in ("drop", "reconnect", "invalidate"):
                    # One after the other: a client that is not there cannot lose its connection.
                    connections = connected(lab)["connections"]
                    ask(f"{lab}/_lab/discord", {"do": mode})
                    connected(lab, connections)
                    continue
                fault(lab, "discord", "POST .*/messages$", mode)
        result["said_in_s"] = round(time.perf_counter() - begun, 1)
        plain = marked = 0
        while time.perf_counter() - begun < 900:
            plain, marked = answered(lab, me)
            if plain + marked - before >= MESSAGES:
                break
            time.sleep(1)
        # What would come twice comes after this.
        time.sleep(5)
        plain, marked = answered(lab, me)
        result |= {"messages": MESSAGES, "faults": FAULTS, "answered_plain": plain - before, "answered_marked": marked,
                   "wall_clock_s": round(time.perf_counter() - begun - 5, 1), "accepted": len(daemon.took),
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
