"""A server that speaks Redis's protocol and says very little."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer


@contextmanager
def terse_redis(**answers: bytes) -> Iterator[str]:
    """Yields the URL of a server that answers PING, CLIENT, EVAL and what is named here, and no more ever."""
    replies = {b"PING": b"+PONG", b"CLIENT": b"+OK", b"EVAL": b":1"}
    replies |= {name.encode(): answer for name, answer in answers.items()}

    class Client(StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.readline():
                words = [self._word() for _ in range(int(head[1:]))]
                if reply := replies.get(words[0].upper()):
                    self.wfile.write(reply + b"\r\n")

        def _word(self) -> bytes:
            return self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]

    with ThreadingTCPServer(("127.0.0.1", 0), Client) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        finally:
            server.shutdown()
            thread.join()
