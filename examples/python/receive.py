#!/usr/bin/env python3
"""Receives results as signed webhooks (Standard Webhooks) and appends each to a file. Python 3.8 or later.

    WEBHOOK_SECRET_FILE=secret OUT=results.ndjson PORT=8099 python3 receive.py

The file of the secret has one line, or two while the secret is replaced: whsec_ and Base64. The same
result may come again: of each id keep the one with the greatest revision.
"""
import base64
import hashlib
import hmac
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds between the sender's clock and this one
LARGEST = 1 << 20


def secrets():
    with open(os.environ["WEBHOOK_SECRET_FILE"]) as f:
        for line in f.read().split():
            yield base64.b64decode(line[len("whsec_"):] if line.startswith("whsec_") else line)


def genuine(headers, body):
    """The signature covers id, time and the very bytes of the body, so check it before anything is read."""
    id_, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id_ or not sent.isdigit() or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = id_.encode() + b"." + sent.encode() + b"." + body
    given = [s[3:] for s in headers.get("webhook-signature", "").split() if s.startswith("v1,")]
    for secret in secrets():
        want = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(want.encode(), g.encode()) for g in given):
            return True
    return False


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit():
            return self.answer(411)
        size = int(length)
        if size > LARGEST:
            return self.answer(413)
        body = self.rfile.read(size)
        if not genuine(self.headers, body):
            return self.answer(401)
        # Keep it first, then say so: what is not answered with 2xx comes again.
        with open(os.environ["OUT"], "ab") as f:
            f.write(body.strip() + b"\n")
            f.flush()
            os.fsync(f.fileno())
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8099"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
