"""Hello: a web application of one file. It answers every path with JSON, and /health with its state."""

import json
import logging
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    """Answers GET with JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self.reply({"status": "ok"})
        else:
            self.reply({"message": os.environ.get("GREETING", "Hello from Expressway"), "path": self.path})

    def reply(self, answer: dict[str, str]) -> None:
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        logging.getLogger("hello").info(format, *args)


def main() -> None:
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(message)s")
    port = int(os.environ.get("PORT", "8080"))
    server = ThreadingHTTPServer(("", port), Hello)

    def stop(_signal: int, _frame: object) -> None:
        # shutdown() waits for serve_forever(), which runs in this thread: it must be called from another one.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    logging.info("listening on port %d", port)
    server.serve_forever()
    server.server_close()
    logging.info("stopped")


if __name__ == "__main__":
    main()
