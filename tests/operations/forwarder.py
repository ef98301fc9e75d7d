"""The address of a database: connections are handed on to wherever it leads at the moment."""

import selectors
import socket
import threading
from contextlib import suppress


class Forwarder:
    """Listens between `with` and its end. Leads nowhere at first: who comes is sent away."""

    def __init__(self):
        self.port = None
        self.pairs, self.lock = set(), threading.Lock()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.here = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone does not wake who accepts.
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def lead_to(self, port):
        """For who connects from now on; connections that are there stay where they are."""
        self.port = port

    def cut(self):
        """Ends the connections that are there."""
        with self.lock:
            pairs = list(self.pairs)
        for end in (end for pair in pairs for end in pair):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, self.port), daemon=True).start()

    def serve(self, client, port):
        with client:
            if port is None:
                return
            try:
                server = socket.create_connection(("127.0.0.1", port), timeout=5)
            except OSError:
                return
            with server:
                self.hand_on(client, server)

    def hand_on(self, client, server):
        pair = client, server
        with self.lock:
            self.pairs.add(pair)
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for end in pair:
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(end, selectors.EVENT_READ)
            with suppress(OSError):
                while True:
                    for key, _ in selector.select():
                        data = key.fileobj.recv(65536)
                        if not data:
                            raise ConnectionResetError
                        other[key.fileobj].sendall(data)
        with self.lock:
            self.pairs.discard(pair)
