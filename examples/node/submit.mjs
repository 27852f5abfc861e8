// Hands one invoice in and waits for its KSeF number. Node 18 or later, nothing else.
//
//   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key node submit.mjs invoice.xml SO-1001
//
// It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
// there was no answer in time: run it again, nothing is sent twice.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const [file, ref] = process.argv.slice(2);
if (process.argv.length !== 4 || !process.env.KSEF_KEY_FILE) {
  console.error("usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key node submit.mjs invoice.xml SO-1001");
  process.exit(3);
}
const read = (path) =>
  readFile(path).catch((e) => {
    console.error(`cannot read ${path}: ${e.message}`);
    process.exit(3);
  });
const url = `${process.env.KSEF_URL ?? "http://127.0.0.1:8090"}/v1/invoices?${new URLSearchParams({ ref })}`;
const key = (await read(process.env.KSEF_KEY_FILE)).toString().split("\n")[0].trim();

// Nothing is wrong with the document: no answer, a server that cannot now, or a check that could not be made.
const later = ({ status, answer }) =>
  [0, 408, 429].includes(status) || status >= 500 || (answer.items ?? []).some((item) => item.refusal?.try_again);

// A call that could not be served is repeated: that is always harmless.
async function insist(method, body) {
  let last = { status: 0, answer: {} };
  for (let attempt = 1; attempt <= 6; attempt++) {
    let after = 0;
    try {
      const headers = { Authorization: `Bearer ${key}`, ...(body && { "Content-Type": "application/xml" }) };
      const r = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(60_000) });
      last = { status: r.status, answer: (await r.json()) ?? {} }; // a proxy's page is none: no answer
      after = Number(r.headers.get("retry-after") ?? 0);
    } catch (e) {
      last = { status: 0, answer: { detail: String(e.cause ?? e) } };
    }
    if (!later(last)) break;
    await sleep(1000 * (after || 2 * attempt));
  }
  return last;
}

async function main() {
  const { status, answer } = await insist("POST", await read(file));
  if (status !== 202) {
    for (const item of answer.items ?? []) console.error(item.refusal?.detail ?? "");
    console.error(answer.detail ?? "");
    return later({ status, answer }) ? 4 : 3;
  }
  for (let i = 0; i < 300; i++) {
    const found = await insist("GET");
    const invoice = found.status === 200 ? found.answer.items?.at(-1) : undefined;
    if (["accepted", "receipted"].includes(invoice?.state)) {
      console.log(invoice.ksef_number);
      return 0;
    }
    if (["rejected", "parked", "dismissed", "superseded", "refused"].includes(invoice?.state)) {
      console.error(`${invoice.state}: ${invoice.reason}`);
      return 3;
    }
    await sleep(2000);
  }
  console.error("no outcome in ten minutes; ask again later");
  return 4;
}

process.exitCode = await main();
