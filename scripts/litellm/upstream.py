"""A model host that misbehaves: the name of the model says how. Standard library only.

`ok` answers, `tool` calls the first tool on offer and then answers, `429`, `500`, `400`, `401` refuse, `slow` says nothing,
`cut` breaks off in the middle of a call, `cut-words` in the middle of a sentence, `garbage` answers with a web page, `empty` with
nothing, `endless` calls tools for ever.
"""
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSALS = {
    "429": (429, "rate_limit_exceeded", "Rate limit reached for requests", {"Retry-After": "7"}),
    "500": (500, "server_error", "The server had an error while processing your request", {}),
    "400": (400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.", {}),
    "401": (401, "invalid_api_key", "Incorrect API key provided", {}),
}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.server.calls.append((body.get("model"), self.headers.get("traceparent")))
        if self.path.endswith("/embeddings"):
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": i, "embedding": [0.5, 0.25]} for i, _ in enumerate(texts)]
            return self.reply(200, {"object": "list", "model": "emb", "data": data, "usage": USAGE})
        manner = body["model"]
        if manner in REFUSALS:
            status, code, message, headers = REFUSALS[manner]
            return self.reply(status, {"error": {"message": message, "type": code, "code": code}}, headers)
        if manner == "slow":
            time.sleep(30)
            return None
        if manner == "garbage":
            return self.reply(200, None, raw=b"<html>hi</html>", kind="text/html")
        answered = any(message["role"] == "tool" for message in body["messages"])
        calls = body.get("tools") and (manner in ("cut", "endless") or (manner == "tool" and not answered))
        deltas = self.call(body["tools"][0]) if calls else self.words(manner)
        if body.get("stream"):
            return self.stream(deltas, manner, "tool_calls" if calls else "stop")
        text = "".join(delta.get("content") or "" for delta in deltas)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return self.reply(200, {"id": "x", "object": "chat.completion", "created": 1, "model": manner, "choices": [choice], "usage": USAGE})

    def words(self, manner):
        words = [] if manner == "empty" else ["Hello ", "from ", "the ", "upstream."]
        return [{"role": "assistant", "content": ""}] + [{"content": word} for word in words]

    def call(self, tool):
        name = tool["function"]["name"]
        first = {"index": 0, "id": f"call_{time.monotonic_ns()}", "type": "function", "function": {"name": name, "arguments": ""}}
        more = [{"index": 0, "function": {"arguments": piece}} for piece in ("{", "}")]
        return [{"role": "assistant", "content": ""}] + [{"tool_calls": [piece]} for piece in [first] + more]

    def stream(self, deltas, manner, reason):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": manner}
        if manner.startswith("cut"):
            deltas = deltas[:-1]
        for delta in deltas:
            self.event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        if manner.startswith("cut"):
            # What was said gets through first; else the proxy answers with a plain 500.
            time.sleep(0.5)
            self.close_connection = True
            return
        self.event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.event({**chunk, "choices": [], "usage": USAGE})
        self.piece(b"data: [DONE]\n\n")
        self.piece(b"")

    def event(self, value):
        self.piece(f"data: {json.dumps(value)}\n\n".encode())

    def piece(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def reply(self, status, value, headers=None, raw=None, kind="application/json"):
        data = raw if raw is not None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


def serve(port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), Upstream)
    server.daemon_threads = True
    server.calls = []
    return server
