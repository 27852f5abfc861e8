#!/usr/bin/env python3
"""Hands one invoice in and waits for its KSeF number, ten minutes at most. Python 3.8 or later, nothing else.

    KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key python3 submit.py invoice.xml SO-1001

It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
there was no answer in time: run it again, nothing is sent twice.
"""
import http.client
import json
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 600  # seconds, for everything together
END = time.monotonic() + PATIENCE
DONE = {"accepted", "receipted"}
ENDED = {"rejected", "parked", "dismissed", "superseded", "refused"}


def stop(code, text):
    print(text, file=sys.stderr, flush=True)
    sys.exit(code)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        stop(3, f"cannot read {path}: {e.strerror}")


def key_of(path):
    """Editors on Windows begin a file with a mark (BOM) and end lines with two characters."""
    key = read(path).decode("utf-8-sig", "replace").split("\n")[0].strip()
    if not re.fullmatch("[ -~]+", key):
        stop(3, f"the first line of {path} must be the key, and the file plain text (UTF-8)")
    return key


def address():
    url = os.environ.get("KSEF_URL") or "http://127.0.0.1:8090"
    parts = re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?", url)
    if not parts or int(parts[3] or 0) > 65535:
        stop(3, "KSEF_URL must be an address such as http://127.0.0.1:8090")
    return url.rstrip("/") + "/v1/invoices"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for the server of KSEF_URL and no other, so a redirect is an answer like any other."""

    def redirect_request(self, *_):
        return None


HTTP = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))  # nor for a proxy


def parsed(status, raw):
    """A proxy on the way may answer with a page."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"detail": f"the server answered {status} and no words: is KSEF_URL right?"}


def call(method, url, key, body=None):
    """Returns status, Retry-After and the answer. No answer, or one that is cut off, is status 0."""
    request = urllib.request.Request(url, body, {"Authorization": "Bearer " + key}, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/xml")
    try:
        try:
            answer = HTTP.open(request, timeout=60)
        except urllib.error.HTTPError as e:
            answer = e  # all but 2xx; its body can be cut off as well
        with answer:
            status, after, raw = answer.getcode(), answer.headers.get("Retry-After") or "", answer.read()
            moved = answer.headers.get("Location", "another address")
    except (OSError, http.client.HTTPException) as e:
        return 0, 0, {"detail": f"no answer: {e}"}
    if 300 <= status < 400:
        return status, 0, {"detail": f"the server answered {status} and sends this program to {moved}: correct KSEF_URL"}
    return status, int(after) if re.fullmatch("[0-9]{1,9}", after) else 0, parsed(status, raw)


def later(status, answer):
    """Says whether to call again: no answer, the server cannot now, or a check could not be made.

    In these cases nothing is wrong with the document.
    """
    unsure = any(i.get("refusal", {}).get("try_again") for i in answer.get("items", []))
    return status in (0, 408, 429) or status >= 500 or unsure


def pause(seconds):
    """Waits, unless that would take too long."""
    if time.monotonic() + seconds >= END:
        return False
    time.sleep(seconds)
    return True


def words(status, answer):
    # detail says field, rule, value, place and hint
    said = [i["refusal"]["detail"] for i in answer.get("items", []) if "refusal" in i]
    return "\n".join(said) or answer.get("detail") or f"the server answered {status} and no words: is KSEF_URL right?"


def main():
    if len(sys.argv) != 3 or not os.environ.get("KSEF_KEY_FILE"):
        stop(3, "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key python3 submit.py invoice.xml SO-1001")
    file, ref = sys.argv[1:]
    if not ref:
        stop(3, "the ref is empty: give your own key of the invoice, such as SO-1001")
    # The bytes of the ref go as they are, whatever they are; the server says when they are no text.
    query = "?" + urllib.parse.urlencode({"ref": os.fsencode(ref)})
    url, document, key = address(), read(file), key_of(os.environ["KSEF_KEY_FILE"])
    status, after, answer = 0, 0, {}
    for wait in (0, 2, 4, 6, 8, 10):
        if not pause(max(wait, after)):
            break
        status, after, answer = call("POST", url + query, key, document)
        if not later(status, answer):
            break
    if status != 202:
        stop(4 if later(status, answer) else 3, words(status, answer))
    invoice = answer["items"][0]
    # terms: there when the ref is not the one on record; the text says what became of the ref.
    for said in (invoice.get("note"), invoice.get("warning"), invoice.get("terms", {}).get("text")):
        if said:
            print(said, file=sys.stderr)
    url += "/" + urllib.parse.quote(invoice["id"], safe="")
    while True:
        if invoice.get("state") in DONE:
            if not invoice.get("ksef_number"):
                stop(3, "the answer has no KSeF number: is KSEF_URL right?")
            os.write(1, (invoice["ksef_number"] + "\n").encode())  # it fails when nobody can read the number
            return
        if invoice.get("state") in ENDED and "reason" in invoice:  # the answer to the first call has none
            stop(3, invoice["state"] + ": " + invoice["reason"])
        if not pause(max(2, after)):
            stop(4, "no outcome yet: run it again later")
        status, after, answer = call("GET", url, key)
        if status == 200:
            invoice = answer
        elif not later(status, answer):
            stop(3, words(status, answer))


def give_up():
    print("no answer in time: run it again later", file=sys.stderr, flush=True)
    os._exit(4)


# The time-out of a call begins anew with each byte of an answer, so the clock has the last word.
clock = threading.Timer(PATIENCE, give_up)
clock.daemon = True
clock.start()
try:
    main()
except Exception as e:  # every end is 0, 3 or 4
    stop(3, f"the answer is none of this server: is KSEF_URL right? {e!r}")
