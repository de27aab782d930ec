#!/usr/bin/env python3
"""Measures how long a word takes from the model server to the operator's terminal, and a message from its commit to its file.

Usage: python3 benches/words.py [path to the wakeman binary] [turns]   (defaults target/release/wakeman and 100; standard library only)

The model is a stub in this process: it takes the time when it sends the first word, 20 ms after it got the request, so that nothing
of the question's own commit is in the figure. The word is looked for on the instance's socket and on a terminal that runs `wakeman
ask`. For the files: after the end of a turn, which is durable then, its conversation's file is read until the answer is in it.
Prints one JSON object.
"""
import json, os, pathlib, pty, queue, re, signal, socket, statistics, subprocess, sys, tempfile, threading, time

BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/wakeman"
TURNS = int(sys.argv[2]) if len(sys.argv) > 2 else 100
ASKED_ON_A_TERMINAL = max(5, TURNS // 5)
WORD = "wordleft"
sent_at = queue.Queue()


class Model(threading.Thread):
    """Answers every request with a stream of two words."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        while True:
            while b"\r\n\r\n" not in got:
                piece = connection.recv(65536)
                if not piece:
                    return
                got += piece
            head, got = got.split(b"\r\n\r\n", 1)
            length = re.search(rb"content-length: *(\d+)", head, re.I)
            while length and len(got) < int(length.group(1)):
                got += connection.recv(65536)
            got = got[int(length.group(1)):] if length else got
            self.answer(connection, head)

    @staticmethod
    def answer(connection, head):
        if b"chat/completions" not in head.split(b"\r\n")[0]:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"data\":[]}")
            return

        def chunk(choice, **more):
            body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": choice, **more}
            data = f"data: {json.dumps(body)}\n\n".encode()
            return b"%x\r\n%s\r\n" % (len(data), data)

        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        time.sleep(0.02)
        first = chunk([{"index": 0, "delta": {"role": "assistant", "content": WORD + " "}, "finish_reason": None}])
        at = time.perf_counter()
        connection.sendall(first)
        sent_at.put(at)
        time.sleep(0.02)
        end = [{"index": 0, "delta": {"content": "and done."}, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
        connection.sendall(chunk(end) + chunk([], usage=usage) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def on_the_socket(path, text):
    """Milliseconds from the model to the socket; when the turn's end was there; the thread."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        body = json.dumps({"message": text}).encode()
        client.sendall(b"POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
                       b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        got, first = b"", None
        while not got.endswith(b"0\r\n\r\n"):
            piece = client.recv(65536)
            if not piece:
                raise SystemExit(f"the daemon hung up: {got[-500:]!r}")
            got += piece
            if first is None and WORD.encode() in got:
                first = time.perf_counter()
        ended = time.perf_counter()
    thread = re.search(rb'"thread_id":"([^"]+)"', got)
    if first is None or thread is None:
        raise SystemExit(got.decode(errors="replace")[-2000:])
    return (first - sent_at.get(timeout=5)) * 1e3, ended, thread.group(1).decode()


def on_a_terminal(root, text):
    """Milliseconds from the model to the terminal of `wakeman ask`."""
    ours, theirs = pty.openpty()
    asked = subprocess.Popen([BINARY, "--root", str(root), "ask", text], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    got, first = b"", None
    while first is None:
        got += os.read(ours, 65536)
        if WORD.encode() in got:
            first = time.perf_counter()
    left = sent_at.get(timeout=5)
    try:
        while os.read(ours, 65536):
            pass
    except OSError:
        pass  # the end of a terminal whose program went
    os.close(ours)
    if asked.wait(20) != 0:
        raise SystemExit(f"`ask` ended with {asked.returncode}")
    return (first - left) * 1e3


def in_its_file(storage, thread, ended):
    """Milliseconds from the durable end of a turn to the answer in the conversation's file."""
    until = time.perf_counter() + 10
    while time.perf_counter() < until:
        for file in storage.glob(f"conversations/*{thread}/chat.jsonl"):
            if WORD in file.read_text():
                return (time.perf_counter() - ended) * 1e3
        time.sleep(0.002)
    raise SystemExit(f"no file of {thread} had the answer within ten seconds")


def summary(values):
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 2), "p99": round(ordered[int(len(ordered) * 0.99) - 1], 2),
            "max": round(ordered[-1], 2), "of": len(ordered)}


def main():
    model = Model()
    model.start()
    root = pathlib.Path(tempfile.mkdtemp(prefix="wakeman-words-"))
    storage = root / "instances/default/storage"
    env = {**os.environ, "LITELLM_URL": f"http://127.0.0.1:{model.port}/v1", "LITELLM_MASTER_KEY": "stub"}
    subprocess.run([BINARY, "--root", str(root), "init", "--yes"], check=True, stdout=subprocess.DEVNULL)
    daemon = subprocess.Popen([BINARY, "--root", str(root), "--listen", "127.0.0.1:0", "run"], env=env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        until = time.time() + 20
        while not (storage / "wakeman.sock").exists():
            if time.time() > until:
                raise SystemExit("the daemon did not come up")
            time.sleep(0.02)
        time.sleep(1)
        socket_ms, file_ms, terminal_ms = [], [], []
        for n in range(TURNS):
            ms, ended, thread = on_the_socket(storage / "wakeman.sock", f"say {n}")
            socket_ms.append(ms)
            if n % 5 == 0:
                file_ms.append(in_its_file(storage, thread, ended))
        for n in range(ASKED_ON_A_TERMINAL):
            terminal_ms.append(on_a_terminal(root, f"say it here {n}"))
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(40)
    print(json.dumps({"model_to_socket_ms": summary(socket_ms), "model_to_terminal_ms": summary(terminal_ms),
                      "end_of_turn_to_file_ms": summary(file_ms), "load": os.getloadavg()[0]}, indent=1))


main()
