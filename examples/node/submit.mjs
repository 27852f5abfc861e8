// Hands one invoice in and waits for its KSeF number, ten minutes at most. Node 18 or later, nothing else.
//
//   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key node submit.mjs invoice.xml SO-1001
//
// It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
// there was no answer in time: run it again, nothing is sent twice.
import { readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const patience = 600; // seconds, for everything together
const left = () => patience - performance.now() / 1000;

// A long text would be cut off if the program ended here, so this only leads to its end.
function stop(exitCode, text) {
  throw Object.assign(new Error(text), { exitCode });
}

function read(path) {
  try {
    return readFileSync(path);
  } catch (e) {
    stop(3, `cannot read ${path}: ${e.message}`);
  }
}

// Editors on Windows begin a file with a mark (BOM) and end lines with two characters; trim takes both.
function keyOf(path) {
  const key = read(path).toString().split("\n")[0].trim();
  if (!/^[ -~]+$/.test(key)) stop(3, `the first line of ${path} must be the key, and the file plain text (UTF-8)`);
  return key;
}

function address() {
  const url = process.env.KSEF_URL || "http://127.0.0.1:8090";
  const parts = /^https?:\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?(\/[A-Za-z0-9._~/-]*)?$/.exec(url);
  if (!parts || Number(parts[3] ?? 0) > 65535) stop(3, "KSEF_URL must be an address such as http://127.0.0.1:8090");
  return `${url.replace(/\/+$/, "")}/v1/invoices`;
}

// Returns status, Retry-After and the answer. No answer, or one that is cut off, is status 0. The key is
// for the server of KSEF_URL and no other, so no redirect is followed.
async function call(method, url, key, body) {
  try {
    const headers = { Authorization: `Bearer ${key}`, ...(body && { "Content-Type": "application/xml" }) };
    const signal = AbortSignal.timeout(Math.ceil(1000 * Math.max(1, Math.min(60, left()))));
    const r = await fetch(url, { method, body, headers, signal, redirect: "manual" });
    const { status } = r, after = r.headers.get("retry-after") ?? "", moved = r.headers.get("location") ?? "another address";
    const text = await r.text();
    if (status >= 300 && status < 400)
      return { status, after: 0, answer: { detail: `the server answered ${status} and sends this program to ${moved}: correct KSEF_URL` } };
    return { status, after: /^[0-9]{1,9}$/.test(after) ? Number(after) : 0, answer: parsed(text) };
  } catch (e) {
    return { status: 0, after: 0, answer: { detail: `no answer: ${e.cause ?? e}` } };
  }
}

// A proxy on the way may answer with a page.
function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

// Says whether to make the call again later, because there was no answer, the server could not serve the call
// now, or a check could not be made. In these cases nothing is wrong with the document.
const later = ({ status, answer }) =>
  [0, 408, 429].includes(status) || status >= 500 || (answer.items ?? []).some((item) => item.refusal?.try_again);

// Waits, unless that would take too long.
async function pause(seconds) {
  if (seconds >= left()) return false;
  await sleep(1000 * seconds);
  return true;
}

// detail says field, rule, value, place and hint.
const words = ({ status, answer }) =>
  (answer.items ?? []).map((item) => item.refusal?.detail ?? "").join("\n").trim() || answer.detail ||
  `the server answered ${status} and no words: is KSEF_URL right?`;

async function main(file, ref, ...more) {
  if (ref === undefined || more.length || !process.env.KSEF_KEY_FILE)
    stop(3, "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key node submit.mjs invoice.xml SO-1001");
  if (!ref) stop(3, "the ref is empty: give your own key of the invoice, such as SO-1001");
  if (ref.includes("\uFFFD")) stop(3, "the ref is not UTF-8");
  let url = address();
  const xml = read(file), key = keyOf(process.env.KSEF_KEY_FILE);
  let last = { status: 0, after: 0, answer: {} };
  for (const wait of [0, 2, 4, 6, 8, 10]) {
    if (!(await pause(Math.max(wait, last.after)))) break;
    last = await call("POST", `${url}?${new URLSearchParams({ ref })}`, key, xml);
    if (!later(last)) break;
  }
  if (last.status !== 202) stop(later(last) ? 4 : 3, words(last));
  let invoice = last.answer.items[0];
  // terms: there when the ref is not the one on record; the text says what became of the ref.
  for (const said of [invoice.note, invoice.warning, invoice.terms?.text]) if (said) console.error(said);
  if (!invoice.id) stop(3, "the answer has no id: is KSEF_URL right?");
  url += `/${encodeURIComponent(invoice.id)}`;
  for (;;) {
    if (["accepted", "receipted"].includes(invoice.state)) {
      if (!invoice.ksef_number) stop(3, "the answer has no KSeF number: is KSEF_URL right?");
      return writeSync(1, `${invoice.ksef_number}\n`); // it fails when nobody can read the number
    }
    // The answer to the first call has no reason.
    if (["rejected", "parked", "dismissed", "superseded", "refused"].includes(invoice.state) && "reason" in invoice)
      stop(3, `${invoice.state}: ${invoice.reason}`);
    if (!(await pause(Math.max(2, last.after)))) stop(4, "no outcome yet: run it again later");
    last = await call("GET", url, key);
    if (last.status === 200) invoice = last.answer;
    else if (!later(last)) stop(3, words(last));
  }
}

await main(...process.argv.slice(2)).catch((e) => {
  console.error(e.exitCode ? e.message : `the answer is none of this server: is KSEF_URL right? ${e.message}`);
  process.exitCode = e.exitCode ?? 3; // every end is 0, 3 or 4
});
