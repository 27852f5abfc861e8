#!/usr/bin/env python3
"""Receives results as signed webhooks (Standard Webhooks) and appends each to a file. Python 3.8 or later.

    WEBHOOK_SECRET_FILE=secret OUT=results.ndjson PORT=8099 python3 receive.py

The file of the secret has one line, or two while the secret is replaced: whsec_ and Base64. The same
result may come again: of each id keep the one with the greatest revision. Only one such program may write
to a file.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds between the sender's clock and this one
LARGEST = 1 << 20
IDLE = 75  # seconds; the sender ends a connection that it has not used for a minute
KEEPING = threading.Lock()


def secrets():
    """Anybody can sign with an empty key, so a file with anything else than secrets is an error."""
    with open(os.environ["WEBHOOK_SECRET_FILE"], encoding="utf-8-sig") as f:
        lines = f.read().split()
    keys = [base64.b64decode(line[len("whsec_"):], validate=True) for line in lines if line.startswith("whsec_")]
    if not keys or len(keys) < len(lines) or any(len(key) < 24 for key in keys):
        raise ValueError("WEBHOOK_SECRET_FILE must have whsec_ and Base64 of 24 bytes or more on each line")
    return keys


def genuine(headers, body):
    """The signature covers id, time and the very bytes of the body, so check it before anything is read."""
    id_, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id_ or not re.fullmatch("[0-9]{1,12}", sent) or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = id_.encode() + b"." + sent.encode() + b"." + body
    given = [s[3:] for s in headers.get("webhook-signature", "").split() if s.startswith("v1,")]
    for secret in secrets():
        want = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(want.encode(), g.encode()) for g in given):
            return True
    return False


def is_json(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def keep(body):
    """Each result is one line. In JSON a line end is outside of all texts, so a space means the same.

    A full disk, or a program that was killed, leaves half a line at the end. Its result was never answered with
    2xx, so the new line takes its place. A whole line that only lost its line end in an editor stays.
    """
    line = body.strip().replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
    with KEEPING, open(os.environ["OUT"], "ab+", buffering=0) as f:
        start = f.seek(max(0, f.seek(0, os.SEEK_END) - LARGEST - 1))
        tail = f.read()
        whole = start + tail.rfind(b"\n") + 1
        half = tail[whole - start:]
        # Half a line begins as a result does. A loss of power can leave zeros instead.
        if half and (half[0] not in b"{\0" or start > 0 and len(half) == len(tail)):
            raise ValueError("OUT ends with something else than a result: give a file of results")
        if half and is_json(half):
            whole, line = start + len(tail), b"\n" + line
        f.truncate(whole)
        try:
            if f.write(line) < len(line):
                raise OSError("the disk is full")
            os.fsync(f.fileno())
        except OSError:
            f.truncate(whole)
            raise


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # seconds without a byte; the sender waits no longer for its answer
    protocol_version = "HTTP/1.1"  # one connection for many calls

    def do_POST(self):
        self.connection.settimeout(self.timeout)
        length = self.headers.get("Content-Length") or ""
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,12}", length):
            return self.answer(411, last=True)
        size = int(length)
        if size > LARGEST:
            return self.answer(413, last=True)
        body = self.rfile.read(size)
        # Keep it first, then say so: what is not answered with 2xx comes again.
        try:
            if not genuine(self.headers, body):
                return self.answer(401)
            keep(body)
        except (OSError, ValueError, KeyError) as e:
            print("not kept:", e, file=sys.stderr, flush=True)
            return self.answer(500)
        self.answer(204)

    def answer(self, status, last=False):
        """The last answer ends the connection: what comes next there is the body that nobody has read."""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        if last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.connection.settimeout(IDLE)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that wait; the sender makes 32 calls at the same time


server = Server(("127.0.0.1", int(os.environ.get("PORT", "8099"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
