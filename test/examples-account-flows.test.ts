import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CHROMIUM, newBrowser } from './cookies/chromium.js'
import { startExample, stopExamples } from './support/examples.js'
import { newFolder, startServer } from './support/server.js'

afterAll(stopExamples)

const PASSWORD = 'a horse and a half'

describe.skipIf(CHROMIUM === null)('in Chromium', () => {
  let example: Awaited<ReturnType<typeof startExample>>
  let context: BrowserContext
  let page: Page
  /** Everything the page asked for, as it was asked. */
  const asked: { line: string; referrer: string | undefined }[] = []

  beforeAll(async () => {
    example = await startExample('account-flows')
    context = await (await newBrowser()).newContext()
    page = await context.newPage()
    page.on('request', request => {
      asked.push({ line: `${request.method()} ${request.url()}`, referrer: request.headers().referer })
    })
  })

  const says = () => page.textContent('#message')
  const sent = () => asked.filter(({ line }) => !line.startsWith('GET')).length

  async function open(url: string): Promise<void> {
    await page.goto('about:blank')
    await page.goto(url)
    await page.waitForSelector('html[data-ready]')
  }

  /** Fills a form and sends it: what the page says then. */
  async function send(form: string, values: Record<string, string> = {}): Promise<string | null> {
    for (const [name, value] of Object.entries(values)) await page.fill(`#${form} [name=${name}]`, value)
    await page.evaluate("document.getElementById('message').textContent = 'nothing yet'")
    await page.click(`#${form} button`)
    await vi.waitFor(async () => expect(await says()).not.toBe('nothing yet'), 5000)
    return says()
  }

  /** The link in the newest mail to somebody about something. */
  async function linkFor(email: string, path: string): Promise<string> {
    return vi.waitFor(() => {
      const mails = example
        .text()
        .split('mail to ')
        .filter(mail => mail.startsWith(`${email}:`))
      const found = mails.flatMap(mail => mail.match(new RegExp(`http://\\S+/${path}#token=\\S+`)) ?? []).at(-1)
      if (!found) throw new Error(`no mail to ${email} with ${path}`)
      return found
    }, 5000)
  }

  /** Opens a link: it asks for nothing by itself, and its token is nowhere to be seen. */
  async function follow(link: string): Promise<void> {
    const before = sent()
    await open(link)
    expect(sent()).toBe(before)
    expect(page.url()).toBe(link.slice(0, link.indexOf('#')))
  }

  test('a person registers, confirms, forgets the password and sets another', async () => {
    const email = 'ann@example.com'
    await open(example.url)
    expect(await send('register', { email, password: 'secret' })).toContain('password should be at least 8')
    expect(await send('register', { email, password: PASSWORD })).toBe('Look into your mail.')
    expect(await page.isVisible('#inside')).toBe(false)
    expect(await send('sign-in', { email, password: PASSWORD })).toMatch(/confirm/i)

    await follow(await linkFor(email, 'confirm-email'))
    await follow(await linkFor(email, 'confirm-email'))
    expect(await send('confirm-email')).toBe('Confirmed. Sign in now.')
    expect(await send('sign-in', { email, password: PASSWORD })).toBe('')
    expect(await page.textContent('#email')).toBe(email)
    expect(await send('sign-out')).toBe('')

    expect(await send('forgot', { email })).toBe('Look into your mail.')
    await follow(await linkFor(email, 'reset-password'))
    expect(await send('reset-password', { password: 'short' })).toContain('at least 8')
    expect(await send('reset-password', { password: 'another horse' })).toBe('Done. Sign in now.')
    expect(await send('sign-in', { email, password: PASSWORD })).toBe('Invalid email or password')
    expect(await send('sign-in', { email, password: 'another horse' })).toBe('')
    expect(await page.isVisible('#inside')).toBe(true)
    await send('sign-out')
  })

  test('an invitation is accepted, and leads to the next', async () => {
    await follow(await linkFor('admin@example.com', 'accept-invitation'))
    expect(await send('accept-invitation', { password: PASSWORD })).toBe('Welcome.')
    expect(await page.textContent('#email')).toBe('admin@example.com')
    expect(await send('invite', { email: 'bob@example.com' })).toBe('Invited.')
    await send('sign-out')
    await follow(await linkFor('bob@example.com', 'accept-invitation'))
    expect(await send('accept-invitation', { password: PASSWORD })).toBe('Welcome.')
    expect(await page.textContent('#email')).toBe('bob@example.com')
  })

  test('a link that is used, broken or none says so', async () => {
    await follow(await linkFor('ann@example.com', 'reset-password'))
    expect(await send('reset-password', { password: PASSWORD })).toContain('token is invalid or has expired')
    await open(`${example.url}/confirm-email#token=pwo1_nothing`)
    expect(await send('confirm-email')).toContain('token is invalid or has expired')
    await open(`${example.url}/confirm-email`)
    expect(await says()).toContain('open it from the mail')
  })

  test('no token was in the address of a request, or told to anybody', () => {
    expect(asked.length).toBeGreaterThan(20)
    for (const { line, referrer } of asked) {
      // A browser names the fragment it opens, and sends it nowhere.
      expect(line.replace(/#.*/, '')).not.toContain('pwo1_')
      expect(referrer ?? '').toBe('')
    }
  })

  test('the mailbox of `pawl serve` shows a mail in a browser, whole', async () => {
    const folder = newFolder()
    const server = await startServer({
      folder,
      env: { PAWL_EMAIL_CONFIRMATION: 'required', PAWL_LINK_BASE: example.url },
    })
    const body = new URLSearchParams({ 'user[email]': 'eve@example.com' })
    for (const name of ['password', 'password_confirmation']) body.set(`user[${name}]`, PASSWORD)
    expect((await fetch(`${server.url}/api/v1/registration`, { method: 'POST', body })).status).toBe(200)
    const failed: string[] = []
    page.on('console', message => message.type() === 'error' && failed.push(message.text()))
    await vi.waitFor(async () => {
      await page.goto(`${server.url}/dev/mailbox`)
      await page.click('a[href*="/dev/mailbox/"]', { timeout: 500 })
    }, 5000)
    const frame = page.frames().at(-1) as { content(): Promise<string> }
    expect(await frame.content()).toContain('#token=pwo1_')
    expect(failed).toEqual([])
    await server.stop()
  })
})
