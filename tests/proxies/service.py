"""The service behind a proxy: it keeps what reaches it, and answers that it was reached."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    # As they came: in order, spelled as they were, each as often as it was sent.
    headers: list
    body: bytes

    def all(self, name):
        """What a service reads by that name; to CGI and WSGI, an underscore is a dash."""
        return [value for header, value in self.headers if header.lower().replace("_", "-") == name.lower()]

    def names(self):
        return {header.lower().replace("_", "-") for header, _ in self.headers}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        received = Received(self.command, self.path, self.headers.items(), self.body())
        self.server.received.append(received)
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"reached")

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_):
        pass


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.received = []
        self.address = f"127.0.0.1:{self.server_port}"

    def the_one(self):
        """What reached the service since it was last asked, which must be one request."""
        received, self.received = self.received, []
        assert len(received) == 1, received
        return received[0]

    def assert_unreached(self):
        assert self.received == []


@contextmanager
def running():
    with Service() as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service
        service.shutdown()
