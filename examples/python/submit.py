#!/usr/bin/env python3
"""Hands one invoice in and waits for its KSeF number. Python 3.8 or later, nothing else.

    KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key python3 submit.py invoice.xml SO-1001

It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
there was no answer in time: run it again, nothing is sent twice.
"""
import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ.get("KSEF_URL", "http://127.0.0.1:8090") + "/v1/invoices"
DONE = {"accepted", "receipted"}
ENDED = {"rejected", "parked", "dismissed", "superseded", "refused"}


def parsed(raw):
    """A proxy on the way may answer with a page."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"detail": "the answer is not JSON"}


def later(status, answer):
    """Nothing is wrong with the document: no answer, a server that cannot now, or a check that could not be made."""
    unsure = any(i.get("refusal", {}).get("try_again") for i in answer.get("items", []))
    return status in (0, 408, 429) or status >= 500 or unsure


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        print(f"cannot read {path}: {e.strerror}", file=sys.stderr)
        sys.exit(3)


def call(method, url, body=None):
    """Returns status, Retry-After and the answer. No answer, or one that is cut off, is status 0."""
    key = read(os.environ["KSEF_KEY_FILE"]).decode("latin-1").split("\n")[0].strip()
    request = urllib.request.Request(url, body, {"Authorization": "Bearer " + key}, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/xml")
    try:
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as e:
            answer = e  # 4xx and 5xx have a body too, which can be cut off as well
        with answer:
            after = answer.headers.get("Retry-After") or ""
            return answer.getcode(), int(after) if re.fullmatch("[0-9]{1,6}", after) else 0, parsed(answer.read())
    except (OSError, http.client.HTTPException) as e:
        return 0, 0, {"detail": f"no answer: {e}"}


def insist(method, url, body=None):
    """Repeats a call that could not be served: that is always harmless."""
    for attempt in range(1, 7):
        status, after, answer = call(method, url, body)
        if not later(status, answer):
            break
        time.sleep(after or 2 * attempt)
    return status, answer


def main():
    if len(sys.argv) != 3 or not os.environ.get("KSEF_KEY_FILE"):
        print("usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key python3 submit.py invoice.xml SO-1001", file=sys.stderr)
        return 3
    file, ref = sys.argv[1:]
    query = "?" + urllib.parse.urlencode({"ref": ref})
    status, answer = insist("POST", BASE + query, read(file))
    if status != 202:
        for item in answer.get("items", []):
            print(item.get("refusal", {}).get("detail", ""), file=sys.stderr)
        print(answer.get("detail", ""), file=sys.stderr)
        return 4 if later(status, answer) else 3
    for _ in range(300):
        status, answer = insist("GET", BASE + query)
        if status == 200 and answer.get("items"):
            invoice = answer["items"][-1]
            if invoice["state"] in DONE:
                print(invoice["ksef_number"])
                return 0
            if invoice["state"] in ENDED:
                print(invoice["state"] + ": " + invoice["reason"], file=sys.stderr)
                return 3
        time.sleep(2)
    print("no outcome in ten minutes; ask again later", file=sys.stderr)
    return 4


sys.exit(main())
