// Receives results as signed webhooks (Standard Webhooks) and appends each to a file. Node 18 or later.
//
//   WEBHOOK_SECRET_FILE=secret OUT=results.ndjson PORT=8099 node receive.mjs
//
// The file of the secret has one line, or two while the secret is replaced: whsec_ and Base64. The same
// result may come again: of each id keep the one with the greatest revision. Only one such program may write
// to a file.
import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const tolerance = 300; // seconds between the sender's clock and this one
const largest = 1 << 20;

// Anybody can sign with an empty key, so a file with anything else than secrets is an error.
function secrets() {
  const lines = readFileSync(process.env.WEBHOOK_SECRET_FILE, "utf8").split(/\s+/).filter(Boolean);
  const keys = lines.filter((line) => /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(line))
    .map((line) => Buffer.from(line.slice("whsec_".length), "base64"));
  if (!keys.length || keys.length < lines.length || keys.some((key) => key.length < 24))
    throw new Error("WEBHOOK_SECRET_FILE must have whsec_ and Base64 of 24 bytes or more on each line");
  return keys;
}

// The signature covers id, time and the very bytes of the body, so check it before anything is read.
function genuine(headers, body) {
  const id = headers["webhook-id"], sent = headers["webhook-timestamp"];
  if (!id || !/^\d+$/.test(sent ?? "") || Math.abs(Date.now() / 1000 - Number(sent)) > tolerance) return false;
  const given = (headers["webhook-signature"] ?? "").split(" ").filter((s) => s.startsWith("v1,"))
    .map((s) => Buffer.from(s.slice(3), "base64"));
  return secrets().some((secret) => {
    const want = createHmac("sha256", secret).update(`${id}.${sent}.`).update(body).digest();
    return given.some((g) => g.length === want.length && timingSafeEqual(g, want));
  });
}

// On Windows, a file that is open for appending cannot be cut.
function opened(file) {
  try {
    return openSync(file, "r+");
  } catch (e) {
    if (e.code !== "ENOENT") throw e;
    return openSync(file, "wx+");
  }
}

function isJSON(text) {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  return true;
}

// Each result is one line. In JSON a line end is outside of all texts, so a space means the same. A full
// disk, or a program that was killed, leaves half a line at the end. Its result was never answered with 2xx,
// so the new line takes its place. A whole line that only lost its line end in an editor stays.
function keep(body) {
  let line = Buffer.from(body.toString("latin1").trim().replace(/[\r\n]/g, " ") + "\n", "latin1");
  const out = opened(process.env.OUT);
  try {
    const { size } = fstatSync(out), tail = Buffer.alloc(Math.min(size, largest + 1));
    readSync(out, tail, 0, tail.length, size - tail.length);
    const half = tail.subarray(tail.lastIndexOf("\n") + 1);
    let whole = size - half.length;
    // Half a line begins as a result does. A loss of power can leave zeros instead.
    if (half.length && (!["{", "\0"].includes(String.fromCharCode(half[0])) || half.length > largest))
      throw new Error("OUT ends with something else than a result: give a file of results");
    if (half.length && isJSON(half.toString())) {
      whole = size;
      line = Buffer.concat([Buffer.from("\n"), line]);
    }
    if (whole < size) ftruncateSync(out, whole);
    try {
      for (let n = 0; n < line.length; ) n += writeSync(out, line, n, line.length - n, whole + n);
      fsyncSync(out);
    } catch (e) {
      ftruncateSync(out, whole);
      throw e;
    }
  } finally {
    closeSync(out);
  }
}

// The sender waits 15 seconds for its answer, and ends a connection that it has not used for a minute.
const limits = { requestTimeout: 15_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 75_000 };
const server = createServer(limits, (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  const parts = [];
  let size = 0;
  request.on("data", (part) => {
    if ((size += part.length) > largest) {
      answer(413);
      request.destroy();
    } else parts.push(part);
  });
  request.on("end", () => {
    const body = Buffer.concat(parts);
    if (request.method !== "POST") return answer(405);
    // Keep it first, then say so: what is not answered with 2xx comes again.
    try {
      if (!genuine(request.headers, body)) return answer(401);
      keep(body);
    } catch (e) {
      console.error("not kept:", e.message);
      return answer(500);
    }
    answer(204);
  });
});
server.listen(Number(process.env.PORT ?? 8099), "127.0.0.1", () => console.log("listening on", server.address().port));
