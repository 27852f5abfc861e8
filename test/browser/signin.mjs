// Logs in to the business page at a provider of OpenID Connect as a person does: presses the button, fills in the provider's form, comes back, logs
// out here and there. Only a browser enforces policies on forms and redirects, and decides which cookies go along on the way back from another
// site. axe-core looks at each page of the worker on this way.
//
// Standard input, JSON:
//   base, provider      addresses of the worker and of the provider
//   password            of everybody at the provider: olga is an operator, jan is in no group that counts
//   screenshots         folder for PNGs; none when absent
//   chromium            path of the browser
// Standard output, JSON: {ok, faults, pages}. Exit code 0 when ok, 1 when not, 2 when the browser would not run.
import { createRequire } from 'node:module'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'

const job = JSON.parse(await readFile('/dev/stdin', 'utf8'))
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const report = { ok: false, faults: [], pages: [] }
const fault = (text) => { if (!report.faults.includes(text)) report.faults.push(text) }
const words = {
  pl: { button: 'Zaloguj się przez: Office', out: 'Wyloguj się', ended: 'Wylogowano', there: 'Wyloguj się także z usługi Office', refused: 'nie należy do żadnej grupy' },
  en: { button: 'Log in with Office', out: 'Log out', ended: 'You are logged out', there: 'Log out at Office, too', refused: 'you are in no group' },
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
  await walk('pl', { colorScheme: 'light', viewport: { width: 1280, height: 900 } })
  await walk('en', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true })
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

async function walk(lang, options) {
  const context = await browser.newContext({ locale: lang, ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const own = [job.base, job.provider].map((a) => new URL(a).origin)
  page.on('request', (r) => { if (/^https?:/.test(r.url()) && !own.includes(new URL(r.url()).origin)) fault(`a request left for ${r.url()}`) })
  // Complaints about the provider's page, such as a missing icon, and about the charts of the queue's dashboard on a small screen do not count.
  page.on('console', (m) => {
    if (m.type() === 'error' && page.url().startsWith(job.base) && !page.url().includes('/monitoring')) fault(`${lang}: ${m.text()}`)
  })
  page.on('pageerror', (e) => fault(`${lang}: ${e.message}`))
  const w = words[lang]
  const look = async (name) => {
    if (!page.url().startsWith(job.base)) return fault(`${lang} ${name} is at ${page.url()}`)
    report.pages.push(`${lang} ${name}`)
    await page.evaluate(axe)
    const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
    for (const v of found.violations) fault(`${lang} ${name}: ${v.id}: ${v.help} (${v.nodes[0].html.slice(0, 120)})`)
    if (job.screenshots) {
      await mkdir(job.screenshots, { recursive: true })
      await page.screenshot({ path: path.join(job.screenshots, `signin-${lang}-${name}.png`), fullPage: true })
    }
  }
  const signIn = async (name) => {
    await page.getByRole('link', { name: w.button }).click()
    await page.waitForURL(job.provider + '/**')
    await page.locator('[name=username]').fill(name)
    await page.locator('[name=password]').fill(job.password)
    await page.locator('[type=submit]').click()
    await page.waitForURL(job.base + '/**')
  }
  await page.goto(job.base + '/invoices?state=rejected')
  await look('login')
  await signIn('jan')
  if (!(await page.locator('[role=alert]').innerText()).includes(w.refused)) fault(`${lang}: jan is not told why`)
  await look('refused')
  await signIn('olga')
  if (new URL(page.url()).pathname !== '/invoices') fault(`${lang}: olga is at ${page.url()}`)
  if (await page.locator('.who').innerText() !== 'olga') fault(`${lang}: the page does not say who is logged in`)
  await look('invoices')
  if (lang === 'en') { // once is enough: it is a large page
    await page.goto(job.base + '/monitoring/')
    // The chart above the table names the queues, too, but may hide a name for want of room.
    await page.getByRole('link', { name: 'confirm', exact: true }).waitFor()
    await page.goto(job.base + '/')
  }
  await page.getByRole('button', { name: w.out }).click()
  await page.getByRole('heading', { name: w.ended }).waitFor()
  await look('loggedout')
  await page.getByRole('link', { name: w.there }).click()
  await page.waitForURL(job.base + '/login')
  await page.goto(job.base + '/invoices')
  if (new URL(page.url()).pathname !== '/login') fault(`${lang}: after the logout olga is at ${page.url()}`)
  await context.close()
}
