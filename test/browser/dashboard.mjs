// Walks through the dashboard as a person would and looks for what must not be there.
//
// Standard input, JSON:
//   base         address of the worker, such as http://127.0.0.1:8080
//   root         path of the dashboard; default /monitoring
//   queues       names that the first page must list
//   task         {queue, state, id}: the task to open
//   views        further pages to look at: servers, schedulers, redis
//   forbidden    strings that no page, answer or address may hold; on standard input because they are secrets
//   login        {username, password}, when the dashboard asks for one
//   screenshots  folder for PNGs; none when absent
//   chromium     path of the browser; default /usr/bin/chromium
// Standard output, JSON: {ok, faults, pages, answers, unread, screenshots}. Exit code 0 when ok, 1 when not, 2 when the browser would not run.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium } from 'playwright-core'

const job = JSON.parse(await readFile('/dev/stdin', 'utf8'))
const root = (job.root ?? '/monitoring').replace(/\/$/, '')
const origin = new URL(job.base).origin
const report = { ok: false, faults: [], pages: [], answers: 0, unread: 0, screenshots: [] }
const fault = (text) => { if (!report.faults.includes(text)) report.faults.push(text) }

// Forbidden strings are named by their number: the report goes into logs.
function look(where, text) {
  job.forbidden?.forEach((secret, i) => {
    if (secret && text.includes(secret)) fault(`${where} holds forbidden string ${i}`)
  })
}

function within(ms, promise) {
  let timer
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`took longer than ${ms / 1000} s`)), ms) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const profile = await mkdtemp(path.join(tmpdir(), 'ksefworker-chromium-'))
let context
try {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: job.chromium ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1280, height: 900 },
    httpCredentials: job.login,
    // Without these Chromium talks to its maker's hosts by itself, and each refused connection is noise among the real faults.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
} catch (err) {
  await rm(profile, { recursive: true, force: true })
  console.error(`start Chromium: ${err.message}`)
  process.exit(2)
}

try {
  await within(90_000, walk())
} catch (err) {
  fault(err.message.split('\n')[0])
} finally {
  await context.close()
  await rm(profile, { recursive: true, force: true })
}
report.ok = report.faults.length === 0
console.log(JSON.stringify(report, null, 2))
process.exitCode = report.ok ? 0 : 1

async function walk() {
  const page = context.pages()[0] ?? await context.newPage()
  page.setDefaultTimeout(15_000)
  const bodies = []
  page.on('request', (request) => {
    const url = request.url()
    look(`address ${new URL(url).pathname}`, url)
    if (!url.startsWith('data:') && new URL(url).origin !== origin) fault(`the page asks an outside host: ${new URL(url).host}`)
  })
  page.on('response', (response) => {
    bodies.push((async () => {
      const at = new URL(response.url()).pathname
      look(`headers of ${at}`, JSON.stringify(response.headers()))
      // The body of an answer that belongs to a page already left can be gone, or never come; the next poll brings the same.
      const body = await within(3_000, response.body()).catch(() => null)
      if (body === null) {
        report.unread++
        return
      }
      report.answers++
      look(`answer ${at}`, body.toString('utf8'))
      if (response.status() >= 400) fault(`${at} answered ${response.status()}`)
    })())
  })
  page.on('pageerror', (err) => fault(`the page's script failed: ${err.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') fault(`the page complains: ${message.text()}`)
  })

  const arrive = async (name) => {
    await page.waitForLoadState('networkidle')
    const text = await page.locator('body').innerText()
    look(`page ${name}`, text)
    look(`document ${name}`, await page.content())
    report.pages.push({ name, path: new URL(page.url()).pathname, title: await page.title() })
    if (job.screenshots) {
      await mkdir(job.screenshots, { recursive: true })
      const file = path.join(job.screenshots, `${name}.png`)
      await page.screenshot({ path: file })
      report.screenshots.push(file)
    }
    return text
  }

  await page.goto(`${origin}${root}/`)
  for (const queue of job.queues ?? []) await page.getByRole('link', { name: queue, exact: true }).first().waitFor()
  const first = await arrive('queues')
  for (const queue of job.queues ?? []) if (!first.includes(queue)) fault(`the first page does not list queue ${queue}`)

  if (job.task) {
    const { queue, state, id } = job.task
    await page.getByRole('link', { name: queue, exact: true }).first().click()
    await page.waitForURL(`**${root}/queues/${encodeURIComponent(queue)}**`)
    await page.goto(`${origin}${root}/queues/${encodeURIComponent(queue)}?status=${state}`)
    // The list shows an id up to its first dash, so a click can land at a neighbour; then the address leads to the right one.
    const row = page.getByRole('row').filter({ hasText: id.split('-')[0] }).first()
    await row.waitFor()
    await arrive('queue')
    await row.getByRole('cell').nth(2).click()
    await page.waitForURL('**/tasks/**')
    const wanted = `${root}/queues/${encodeURIComponent(queue)}/tasks/${encodeURIComponent(id)}`
    if (decodeURIComponent(new URL(page.url()).pathname) !== decodeURIComponent(wanted)) await page.goto(origin + wanted)
    await page.getByText('Task Info').first().waitFor()
    const task = await arrive('task')
    if (!task.includes(id)) fault('the page of the task does not show its id')
  }
  for (const view of job.views ?? []) {
    await page.goto(`${origin}${root}/${view}`)
    await arrive(view)
  }
  await Promise.all(bodies)
  if (report.answers === 0 || report.unread > report.answers) fault(`${report.answers} answers were read, ${report.unread} could not be`)
}
