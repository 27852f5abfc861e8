// Drives the simulator's second face with ksef-client-ts, unmodified. The Go test TestThirdParty_KsefClientTS starts the
// simulator, runs this program and compares what it prints with the simulator's books.
//
// Environment: KSEF_URL is the address without /v2, KSEF_NIP the taxpayer, KSEF_TOKEN_FILE a file with its token, and
// KSEF_INVOICES a folder with the folders online, zip and targz, each with invoices as *.xml. The last line of the output is
// one JSON object.
import { readFileSync, readdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  CertificateService, KSeFClient, createTarGz, createZip, openOnlineSession, uploadBatch,
} from 'ksef-client-ts';

const { KSEF_URL: url, KSEF_NIP: nip, KSEF_TOKEN_FILE: tokenFile, KSEF_INVOICES: folder } = process.env;
// KSeF allows ten questions about sessions a second.
const pollOptions = { intervalMs: 300, timeoutMs: 60_000 };
const report = { logins: [], online: {}, zip: {}, targz: {}, warnings: [] };

// connect makes a client without retries, so that every refusal of the simulator fails the test.
function connect() {
  return new KSeFClient({ baseUrl: url, retry: { maxRetries: 0 }, rateLimit: null, onSystemWarning: (w) => report.warnings.push(w) });
}

function check(ok, what) {
  if (!ok) throw new Error(`not as expected: ${what}`);
}

function sha256(data) {
  return createHash('sha256').update(data).digest('base64');
}

function entries(name) {
  const dir = join(folder, name);
  return readdirSync(dir).sort().map((fileName) => ({ fileName, content: readFileSync(join(dir, fileName)) }));
}

// allInvoices reads a session's list page by page.
async function allInvoices(client, session, size, failed = false) {
  const found = [];
  let pages = 0;
  let token;
  do {
    const read = failed ? client.sessionStatus.getSessionFailedInvoices : client.sessionStatus.getSessionInvoices;
    const page = await read.call(client.sessionStatus, session, size, token);
    found.push(...page.invoices);
    token = page.continuationToken;
    pages += 1;
  } while (token);
  return { found, pages };
}

// download follows a pre-signed address, which must need no authorization and tell the hash of what it answers.
async function download(address) {
  const answer = await fetch(address);
  check(answer.status === 200, `pre-signed address answers ${answer.status}`);
  const body = Buffer.from(await answer.arrayBuffer());
  check(answer.headers.get('x-ms-meta-hash') === sha256(body), 'x-ms-meta-hash is the hash of the UPO');
  return body.toString('utf8');
}

function numbersOf(upo) {
  return [...upo.matchAll(/<NumerKSeFDokumentu>([^<]+)</g)].map((m) => m[1]).sort();
}

async function logins() {
  const clients = {};
  for (const [name, method] of [['rsa', 'RSA'], ['ec', 'ECDSA']]) {
    const seal = await CertificateService.generateCompanySeal('Firma Łódź', `VATPL-${nip}`, `Firma & "Łódź" ${name}`, method);
    const client = connect();
    await client.loginWithCertificate(seal.certificatePem, seal.privateKeyPem, nip);
    clients[name] = client;
    report.logins.push(name);
  }
  const client = connect();
  await client.loginWithToken(readFileSync(tokenFile, 'utf8').trim(), nip);
  clients.token = client;
  report.logins.push('token');
  const active = await clients.rsa.activeSessions.getActiveSessions();
  check(active.items.length === 3 && active.items.filter((i) => i.isCurrent).length === 1, 'three logins, one of them current');
  return clients;
}

async function online(client) {
  const session = await openOnlineSession(client);
  const references = [];
  for (const { content } of entries('online')) references.push(await session.sendInvoice(content));
  const one = await client.sessionStatus.getSessionInvoice(session.sessionRef, references[0]);
  check(one.status.code === 200 || one.status.code < 200, `an invoice answers ${one.status.code}`);
  await session.close();
  const upo = await session.waitForUpo(pollOptions);
  const { found } = await allInvoices(client, session.sessionRef);
  const parsed = await download(upo.pages[0].downloadUrl);
  const page = await client.sessionStatus.getSessionUpo(session.sessionRef, upo.pages[0].referenceNumber);
  check(page.upo === parsed && page.hash === sha256(Buffer.from(page.upo)), 'the UPO is the same by both ways');
  const accepted = found.filter((i) => i.status.code === 200);
  const byNumber = await client.sessionStatus.getInvoiceUpoByKsefNumber(session.sessionRef, accepted[0].ksefNumber);
  const byReference = await client.sessionStatus.getInvoiceUpoByReference(session.sessionRef, accepted[0].referenceNumber);
  check(byNumber.upo === byReference.upo && numbersOf(byNumber.upo)[0] === accepted[0].ksefNumber, 'the UPO of one invoice');
  check(numbersOf(await download(accepted[0].upoDownloadUrl))[0] === accepted[0].ksefNumber, 'the UPO of one invoice by its address');
  report.online = { session: session.sessionRef, numbers: numbersOf(parsed), hashes: found.map((i) => i.invoiceHash).sort() };
}

async function batch(client, name, compressionType) {
  const files = entries(name);
  const archive = compressionType === 'TarGz' ? await createTarGz(files) : await createZip(files);
  const maxPartSize = Math.ceil(archive.length / 5);
  const { sessionRef, upo } = await uploadBatch(client, archive, { compressionType, maxPartSize, pollOptions });
  const ten = await allInvoices(client, sessionRef);
  const hundred = await allInvoices(client, sessionRef, 100);
  check(JSON.stringify(ten.found.map((i) => i.ordinalNumber)) === JSON.stringify(hundred.found.map((i) => i.ordinalNumber)), 'pages of both sizes');
  const refused = await allInvoices(client, sessionRef, 10, true);
  check(ten.found.every((i) => files.some((f) => f.fileName === i.invoiceFileName && sha256(f.content) === i.invoiceHash)), 'names and hashes');
  const numbers = numbersOf(await download(upo.pages[0].downloadUrl));
  check(numbers.length === upo.successfulInvoiceCount, 'as many numbers in the UPO as the session counts');
  report[name] = {
    session: sessionRef, invoices: ten.found.length, pages: ten.pages, pagesOfHundred: hundred.pages, numbers,
    refused: refused.found.map((i) => i.status.code),
  };
}

async function register(client) {
  const from = new Date(Date.now() - 86_400_000).toISOString();
  const to = new Date(Date.now() + 60_000).toISOString();
  const query = { subjectType: 'Subject1', dateRange: { dateType: 'PermanentStorage', from, to } };
  let found = 0;
  for (let page = 0; ; page += 1) {
    const answer = await client.invoices.queryInvoiceMetadata(query, page, 250);
    found += answer.invoices.length;
    if (!answer.hasMore) break;
  }
  const document = await client.invoices.getInvoice(report.online.numbers[0]);
  report.register = { found, hash: sha256(Buffer.from(document.xml ?? document.content ?? document)) };
  const sessions = await client.sessionStatus.getSessions('Batch', 10);
  report.register.sessions = sessions.sessions.map((s) => s.referenceNumber);
}

async function credentials(clients) {
  const rates = await clients.rsa.limits.getRateLimits();
  const context = await clients.rsa.limits.getContextLimits();
  report.limits = { send: rates.invoiceSend.perHour, invoices: context.onlineSession.maxInvoices };
  const made = await clients.ec.tokens.generateToken({ permissions: ['InvoiceRead', 'InvoiceWrite'], description: 'na czas testu' });
  for (let state = ''; state !== 'Active';) ({ status: state } = await clients.ec.tokens.getToken(made.referenceNumber));
  const other = connect();
  await other.loginWithToken(made.token, nip);
  await clients.ec.tokens.revokeToken(made.referenceNumber);
  report.revoked = await connect().loginWithToken(made.token, nip).then(() => 'logged in', () => 'refused');

  const data = await clients.rsa.certificates.getEnrollmentData();
  const { csrDer, privateKeyPem } = await clients.rsa.crypto.generateCsrEcdsa({ ...data, countryCode: data.countryName });
  const enrolment = await clients.rsa.certificates.enroll({
    certificateName: 'Certyfikat testu', certificateType: 'Authentication', csr: Buffer.from(csrDer).toString('base64'),
  });
  let serial;
  while (!serial) ({ certificateSerialNumber: serial } = await clients.rsa.certificates.getEnrollmentStatus(enrolment.referenceNumber));
  const { certificates } = await clients.rsa.certificates.retrieve({ certificateSerialNumbers: [serial] });
  const pem = `-----BEGIN CERTIFICATE-----\n${certificates[0].certificate.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
  await connect().loginWithCertificate(pem, privateKeyPem, nip);
  report.logins.push('ksef certificate');
}

// expiry: the access token ends between two pages, and the client goes on with a refreshed one.
async function expiry(client) {
  const order = await fetch(`${url}/sim/faults`, { method: 'POST', body: '[{"on": "invoices", "kind": "token-expired", "skip": 1}]' });
  check(order.status === 200, `faults answers ${order.status}`);
  const before = client.authManager.getAccessToken();
  const { found } = await allInvoices(client, report.zip.session, 100);
  report.refreshed = client.authManager.getAccessToken() !== before && found.length === report.zip.invoices;
}

// rotation: the key that the client has fetched is withdrawn, and the client must notice by 21470.
async function rotation(client) {
  await client.crypto.init();
  const answer = await fetch(`${url}/sim/rotate-key`, { method: 'POST' });
  check(answer.status === 200, `rotate-key answers ${answer.status}`);
  const session = await openOnlineSession(client);
  report.rotation = session.sessionRef;
}

const clients = await logins();
await online(clients.rsa);
await batch(clients.token, 'zip', 'Zip');
await batch(clients.ec, 'targz', 'TarGz');
await register(clients.token);
await credentials(clients);
await expiry(clients.token);
await rotation(clients.rsa);
console.log(JSON.stringify(report));
