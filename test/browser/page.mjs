// Walks through the business page as an accountant (a viewer of one tenant) and as an operator, on a desktop and on a phone, in Polish and in
// English, light and dark, and lets axe-core look at every page for what a keyboard or a screen reader cannot use.
//
// Standard input, JSON:
//   base         address of the worker
//   viewer, operator   {name, password}
//   number       number of an accepted invoice of the viewer's tenant
//   part         a part of this number
//   rejected     list of {id, number, other}: invoices that the operator dismisses, and for each the number of another rejected invoice,
//                which the operator marks as seen; each operator's walk takes the first one left
//   paused       name of a tenant that is paused; the operator has to see it, and why it is
//   refused      number of a document that was not taken in
//   receiver     name of a receiver of results that does not take rejections, and to which other results were given up
//   answer       text with which this receiver answers a rejection
//   hidden       strings of other tenants that no answer to the viewer may hold
//   screenshots  folder for PNGs; none when absent
//   chromium     path of the browser
// Standard output, JSON: {ok, faults, pages, checks, screenshots}. Exit code 0 when ok, 1 when not, 2 when the browser would not run.
import { createRequire } from 'node:module'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'

const job = JSON.parse(await readFile('/dev/stdin', 'utf8'))
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const report = { ok: false, faults: [], pages: [], checks: 0, screenshots: [] }
const fault = (text) => { if (!report.faults.includes(text)) report.faults.push(text) }
const origin = new URL(job.base).origin

const desktop = { viewport: { width: 1280, height: 900 } }
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
// The words by which the walk finds its way, in both languages.
const words = {
  pl: { search: 'Szukaj', out: 'Wyloguj się', in: 'Zaloguj się', other: 'English', dismiss: 'Zakończ bez wysyłki', why: 'Powód', ended: 'Faktura nie zostanie wysłana', csv: 'Eksportuj do CSV', xlsx: 'Eksportuj do XLSX', paused: 'Podatnik wstrzymany', done: 'Wykonano', report: 'Sporządź zestawienie', seen: 'Oznacz jako sprawdzone', seenBy: 'Zapoznał(a) się', show: 'Pokaż', again: 'Przekaż zaznaczone ponownie', sent: 'Wyniki przekazywane ponownie', pdf: 'Faktura (PDF)', form: 'Faktura do odczytu i druku', deliveries: 'Powiadomienia' },
  en: { search: 'Search', out: 'Log out', in: 'Log in', other: 'Polski', dismiss: 'Dismiss', why: 'Why', ended: 'will not be sent', csv: 'Export as CSV', xlsx: 'Export as XLSX', paused: 'Tenant paused', done: 'Done', report: 'Make the report', seen: 'Mark as seen', seenBy: 'Seen by', show: 'Show', again: 'Send the picked results again', sent: 'Results that are sent again', pdf: 'Invoice (PDF)', form: 'Invoice to read or print', deliveries: 'Deliveries' },
}

let browser
try {
  browser = await chromium.launch({
    executablePath: job.chromium, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
} catch (err) {
  console.error(`start Chromium: ${err.message}`)
  process.exit(2)
}
const late = setTimeout(() => { fault('the walk took longer than 400 s'); finish() }, 400_000)
try {
  await walk('accountant', desktop, 'pl', 'light', accountant)
  await walk('accountant', phone, 'pl', 'dark', accountant)
  await walk('operator', desktop, 'pl', 'dark', operator)
  await walk('operator', phone, 'en', 'light', operator)
} catch (err) {
  fault(err.message.split('\n').slice(0, 3).join(' '))
}
await finish()

async function finish() {
  clearTimeout(late)
  await browser.close().catch(() => {})
  report.ok = report.faults.length === 0
  console.log(JSON.stringify(report, null, 2))
  process.exit(report.ok ? 0 : 1)
}

async function walk(who, device, lang, scheme, steps) {
  const context = await browser.newContext({ ...device, locale: lang === 'pl' ? 'pl-PL' : 'en-GB', colorScheme: scheme, acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const label = [who, device === phone ? 'phone' : 'desktop', lang, scheme].join('-')
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin && !request.url().startsWith('data:')) fault(`${label}: asks an outside host: ${new URL(request.url()).host}`)
  })
  page.on('pageerror', (err) => fault(`${label}: the page's script failed: ${err.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 401/.test(message.text())) fault(`${label}: the page complains: ${message.text()}`)
  })
  const here = async (name) => {
    const text = await page.content()
    if (who === 'accountant') job.hidden?.forEach((secret, i) => { if (text.includes(secret)) fault(`${label}: ${name} holds hidden string ${i}`) })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (wide > 1) fault(`${label}: ${name} is ${wide} pixels wider than the screen`)
    if (await page.getAttribute('html', 'lang') !== lang) fault(`${label}: ${name} is not in ${lang}`)
    // The page's policy lets no script in but its own, so axe is evaluated through the debugger.
    const found = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`)
    report.checks += found.passes.length
    for (const v of found.violations) fault(`${label}: ${name}: axe ${v.id}: ${v.nodes.slice(0, 2).map((n) => `${n.target} ${n.failureSummary?.split('\n')[1] ?? ''}`).join('; ')}`)
    report.pages.push(`${label} ${name}`)
    if (job.screenshots) {
      await mkdir(job.screenshots, { recursive: true })
      const file = path.join(job.screenshots, `${label}-${name}.png`)
      await page.screenshot({ path: file, fullPage: true })
      report.screenshots.push(file)
    }
  }
  await steps({ page, here, w: words[lang], label })
  await context.close()
}

async function login({ page, here, w }, user, wrong) {
  await page.goto(`${origin}/invoices`)
  await here('login')
  if (wrong) {
    await page.fill('#name', user.name)
    await page.fill('#password', 'wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
  }
  await page.fill('#name', user.name)
  await page.fill('#password', user.password)
  await page.getByRole('button', { name: w.in }).click()
  await page.waitForURL('**/invoices')
}

// The accountant finds an invoice by a part of its number with the keyboard alone, reads it, takes its files and the open items, and may not act.
async function accountant(at) {
  const { page, here, w, label } = at
  await login(at, job.viewer, true)
  await page.focus('#q')
  await page.keyboard.type(job.part)
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: job.number }).waitFor()
  await here('search')
  await page.getByRole('link', { name: job.number }).click()
  await page.getByRole('img', { name: /KOD I/ }).waitFor()
  await here('invoice')
  for (const file of ['xml', 'upo']) {
    const answer = await page.request.get(`${page.url()}/${file}`)
    if (!answer.ok() || !(await answer.text()).startsWith('<?xml')) fault(`${label}: ${file}: ${answer.status()}`)
  }
  const invoice = page.url()
  const pdf = await page.request.get(new URL(await page.getByRole('link', { name: w.pdf }).getAttribute('href'), origin).href)
  if (!pdf.ok() || !(await pdf.body()).subarray(0, 5).equals(Buffer.from('%PDF-'))) fault(`${label}: PDF: ${pdf.status()}`)
  await page.getByRole('link', { name: w.form }).click()
  await page.getByText('To jest wizualizacja').waitFor()
  if (job.screenshots) await page.screenshot({ path: path.join(job.screenshots, `${label}-form.png`), fullPage: true })
  await page.goto(invoice)
  await page.goto(`${origin}/`)
  await here('overview')
  await page.goto(`${origin}/open`)
  await here('open')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: w.csv }).click()])
  const text = await readFile(await file.path(), 'utf8')
  if (!text.startsWith('\uFEFF') || !text.includes(job.refused)) fault(`${label}: the export has no ${job.refused}`)
  job.hidden?.forEach((secret, i) => { if (text.includes(secret)) fault(`${label}: the export holds hidden string ${i}`) })
  const [sheet] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: w.xlsx }).click()])
  if ((await readFile(await sheet.path())).subarray(0, 2).toString() !== 'PK') fault(`${label}: the spreadsheet is none`)
  if (await page.locator('main form button[value=dismiss]').count()) fault(`${label}: a viewer is offered to dismiss`)
  await page.goto(`${origin}/days`)
  await here('days')
  await page.getByRole('link', { name: w.deliveries }).first().click()
  await page.getByRole('link', { name: job.receiver }).waitFor()
  await here('deliveries')
  await page.getByRole('link', { name: job.receiver }).click()
  await page.getByText(job.answer).first().waitFor()
  await here('receiver')
  if (await page.locator('main form button[name=do]').count()) fault(`${label}: a viewer is offered to send results again`)
  await page.getByRole('button', { name: w.out }).click()
  await page.waitForURL('**/login')
  await page.goto(`${origin}/open`)
  if (!page.url().includes('/login')) fault(`${label}: the page is open after the logout`)
}

// The operator sees why a tenant waits, ends a rejected invoice and a refused document, makes a report, reads the audit log, and switches the
// language.
async function operator(at) {
  const { page, here, w, label } = at
  await login(at, job.operator, false)
  await page.goto(`${origin}/`)
  await here('overview')
  await page.getByRole('link', { name: job.paused, exact: true }).first().click()
  await page.getByRole('heading', { name: w.paused }).waitFor()
  await here('tenant')
  const rejected = job.rejected.shift()
  await page.goto(`${origin}/invoices/${rejected.id}`)
  await here('rejected')
  await page.getByLabel(w.why, { exact: true }).fill('test')
  await page.getByRole('button', { name: w.dismiss }).click()
  await page.getByRole('status').filter({ hasText: w.ended }).waitFor()
  await here('dismissed')
  await page.goto(`${origin}/open`)
  await here('open')
  await page.getByLabel(rejected.other, { exact: true }).check()
  await page.getByRole('button', { name: w.seen }).click()
  await page.getByRole('status').filter({ hasText: w.done }).waitFor()
  await page.getByText(w.seenBy).first().waitFor()
  await here('seen')
  await page.selectOption('#seen', 'no')
  await page.getByRole('button', { name: w.show }).click()
  await page.waitForURL('**seen=no**')
  if (await page.getByLabel(rejected.other, { exact: true }).count()) fault(`${label}: what was seen is among what was not`)
  await page.goto(`${origin}/deliveries/${job.receiver}`)
  await here('receiver')
  await page.locator('#failed ~ form').first().getByRole('checkbox').first().check()
  await page.getByRole('button', { name: w.again }).click()
  await page.getByRole('status').filter({ hasText: w.sent }).waitFor()
  await here('resent')
  await page.goto(`${origin}/open`)
  const box = page.locator('#refused ~ article').getByRole('checkbox').first()
  await box.check()
  await page.fill('#reason', 'test')
  await page.getByRole('button', { name: w.dismiss }).click()
  await page.getByRole('status').filter({ hasText: w.done }).waitFor()
  await page.goto(`${origin}/days`)
  await page.getByRole('button', { name: w.report }).click()
  await page.waitForURL('**/days/report**')
  if (!(await page.locator('svg').count())) fault(`${label}: the report has no chart`)
  await page.goto(`${origin}/audit`)
  await page.getByText(rejected.id).first().waitFor()
  await here('audit')
  await page.getByRole('link', { name: w.other }).click()
  await page.waitForLoadState()
  if (await page.getAttribute('html', 'lang') === (w === words.pl ? 'pl' : 'en')) fault(`${label}: the switch does not change the language`)
}
