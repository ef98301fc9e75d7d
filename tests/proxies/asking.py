"""A client that sends what it is told, odd spellings and duplicates included."""

import base64
import http.client
from dataclasses import dataclass

# A request is answered within the patience that the proxies have with Kedge.
SECONDS = 60


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(proxy, *headers, method="GET", target="/", body=None, chunked=False, source="127.0.0.1"):
    """What the proxy answers. Headers are pairs, sent as they stand."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=SECONDS, source_address=(source, 0))
    try:
        connection.putrequest(method, target)
        for name, value in headers:
            connection.putheader(name, value)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
            body = iter([body[: len(body) // 2], body[len(body) // 2 :]])
        elif body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body, encode_chunked=chunked)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
