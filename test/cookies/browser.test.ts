import type { BrowserContext, Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, newBrowser, newProfile, openProfile } from './chromium.js'
import { elsewhere, type Site, site, startExample } from './sites.js'
import { HOUR, MINUTE, NAME, named, PASSWORD } from './visitor.js'

/** Sends a request from within a page, as its own script does. */
function ask(page: Page, method: string, path: string, user?: unknown): Promise<number> {
  return page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(path, { method, headers, ...(body && { body }) })).status
    },
    [method, `/api/v1${path}`, user ? JSON.stringify({ user }) : ''] as const,
  )
}

const isSignedIn = async (page: Page) => (await ask(page, 'GET', '/session')) === 200
const cookiesOf = async (context: BrowserContext, url: string) =>
  (await context.cookies(url)).filter(({ name }) => name === NAME)

describe.skipIf(CHROMIUM === null)('in Chromium', () => {
  let browser: Awaited<ReturnType<typeof newBrowser>>
  beforeAll(async () => {
    browser = await newBrowser()
  })

  async function enter(at: Site, context: BrowserContext, remember = false): Promise<Page> {
    const page = await context.newPage()
    await page.goto(at.url)
    const person = { email: `${crypto.randomUUID()}@example.com`, password: PASSWORD, password_confirmation: PASSWORD }
    expect(await ask(page, 'POST', '/registration', { ...person, remember_me: remember })).toBe(200)
    return page
  }

  test('a __Host- cookie is kept on http://localhost, and no script can read it', async () => {
    const at = await site()
    const context = await browser.newContext()
    const page = await enter(at, context, true)
    expect(await isSignedIn(page)).toBe(true)
    expect(await cookiesOf(context, at.url)).toEqual([
      expect.objectContaining({ domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }),
    ])
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(await ask(page, 'DELETE', '/session')).toBe(200)
    expect(await cookiesOf(context, at.url)).toEqual([])
    await context.close()
  })

  test.each(['localhost', '127.0.0.1'])('a page of another origin on %s changes nothing', async host => {
    const at = await site()
    const context = await browser.newContext()
    const page = await enter(at, context)
    const other = await context.newPage()
    await other.goto(`http://${host}:${await elsewhere()}`)
    const before = at.events.length
    at.clock.advance(MINUTE)

    // What a script can send without asking first, what it has to ask for, and what a form can.
    const sent = await other.evaluate(async url => {
      const send = (method: string, path: string, more: RequestInit = {}) =>
        fetch(`${url}/api/v1${path}`, { method, credentials: 'include', ...more }).then(
          ({ type, status }) => `${type} ${status}`,
          () => 'refused',
        )
      const form = new URLSearchParams({ 'user[email]': 'evil@example.com', 'user[password]': 'secret1234' })
      return [
        await send('POST', '/session/renew', { mode: 'no-cors' }),
        await send('POST', '/session', { mode: 'no-cors', body: form }),
        await send('POST', '/session/renew'),
        await send('DELETE', '/session'),
        await send('DELETE', '/sessions'),
        await send('GET', '/session'),
      ]
    }, at.url)
    expect(sent).toEqual(['opaque 0', 'opaque 0', 'refused', 'refused', 'refused', 'refused'])

    await other.setContent(`<form method="post" action="${at.url}/api/v1/session/renew"><button>go</button></form>`)
    await Promise.all([other.waitForNavigation(), other.click('button')])
    expect(await other.textContent('body')).toMatch(/origin_rejected|invalid_token/)

    const socket = await context.newPage()
    await socket.goto(`http://${host}:${await elsewhere()}`)
    await socket.evaluate(
      url =>
        new Promise(resolve => {
          new WebSocket(`${url.replace('http', 'ws')}/live`).onclose = resolve
        }),
      at.url,
    )
    expect(at.sockets).toEqual([false])

    expect(named(at, 'session.renewed')).toEqual([])
    expect(at.events.slice(before).filter(({ name }) => /^session|^account/.test(name))).toEqual([])
    expect(await isSignedIn(page)).toBe(true)
    // One site, two ports: the browser adds the cookie there, and nothing but the origin speaks against it.
    const posts = at.seen.filter(({ method, path }) => method === 'POST' && path.endsWith('/renew'))
    expect(posts.map(({ hasCookie, status }) => ({ hasCookie, status }))).toEqual(
      Array(3).fill({ hasCookie: host === 'localhost', status: 403 }),
    )
    await context.close()
  })

  test('a neighbour’s cookies plant nobody’s session, and hide nobody’s', async () => {
    const at = await site()
    const theirs = await browser.newContext()
    await enter(at, theirs)
    const [{ value } = { value: '' }] = await cookiesOf(theirs, at.url)
    const planting = await elsewhere([
      `a=1,${NAME}=${value}`,
      `b=1, ${NAME}=${value}`,
      `\u00a0${NAME}=${value}`,
      `${NAME}=${value}; Domain=localhost`,
      `=${NAME}=${value}`,
    ])
    const mine = await browser.newContext()
    const page = await mine.newPage()
    await page.goto(`http://localhost:${planting}`)
    // They are on their way to us: a port is no border for cookies.
    expect((await mine.cookies(at.url)).map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'b']))
    await page.goto(at.url)
    expect(await isSignedIn(page)).toBe(false)
    const own = await enter(at, mine)
    expect(await isSignedIn(own)).toBe(true)
    expect(await isSignedIn((await theirs.pages())[0] as Page)).toBe(true)
    await Promise.all([mine.close(), theirs.close()])
  })

  test('a page of ours may open a WebSocket', async () => {
    const at = await site()
    const context = await browser.newContext()
    const page = await enter(at, context)
    await page.evaluate(
      url =>
        new Promise(resolve => {
          new WebSocket(`${url.replace('http', 'ws')}/live`).onclose = resolve
        }),
      at.url,
    )
    expect(at.sockets).toEqual([true])
    await context.close()
  })

  test('two tabs whose cookie is due at once both stay signed in', async () => {
    const at = await site()
    const context = await browser.newContext()
    const tabs = [await enter(at, context), await context.newPage()]
    await tabs[1]?.goto(at.url)
    for (let round = 1; round <= 3; round++) {
      at.clock.advance(15 * MINUTE)
      const [before] = await cookiesOf(context, at.url)
      const answers = await Promise.all(tabs.flatMap(tab => Array.from({ length: 10 }, () => isSignedIn(tab))))
      expect(answers).toEqual(Array(20).fill(true))
      expect((await cookiesOf(context, at.url))[0]?.value).not.toBe(before?.value)
      expect(named(at, 'session.renewed')).toHaveLength(round)
      at.clock.advance(MINUTE)
      for (const tab of tabs) expect(await isSignedIn(tab)).toBe(true)
    }
    expect(named(at, 'session.reused')).toEqual([])
    await context.close()
  })

  test('a navigation that breaks off the request which exchanges the cookie signs nobody out', async () => {
    const at = await site()
    const context = await browser.newContext()
    const page = await enter(at, context, true)
    const [before] = await cookiesOf(context, at.url)
    at.clock.advance(15 * MINUTE)
    await page.evaluate(() => void fetch('/slow').catch(() => {}))
    await at.asked
    await page.goto('about:blank')
    at.letGo()
    await expect.poll(() => named(at, 'session.renewed').length).toBe(1)
    expect((await cookiesOf(context, at.url))[0]?.value).toBe(before?.value)

    at.clock.advance(HOUR)
    await page.goto(at.url)
    expect((await cookiesOf(context, at.url))[0]?.value).not.toBe(before?.value)
    expect(await isSignedIn(page)).toBe(true)
    expect(named(at, 'session.reused')).toEqual([])
    await context.close()
  })

  test.each([
    [false, 0],
    [true, 1],
  ])('remember me %s: %i cookies are left when the browser was closed', async (remember, left) => {
    const at = await site()
    const profile = newProfile()
    const first = await openProfile(profile)
    await enter(at, first, remember)
    expect(await cookiesOf(first, at.url)).toHaveLength(1)
    await first.close()
    const second = await openProfile(profile)
    expect(await cookiesOf(second, at.url)).toHaveLength(left)
    const page = await second.newPage()
    await page.goto(at.url)
    expect(await isSignedIn(page)).toBe(remember)
    await second.close()
  })

  test('the example registers, remembers, lists, ends and signs out', async () => {
    const url = (await startExample()).replace('127.0.0.1', 'localhost')
    const email = 'me@example.com'
    const [here, there] = [await browser.newContext(), await browser.newContext()]
    const come = async (context: BrowserContext, button: string, remember: boolean) => {
      const page = await context.newPage()
      const errors: Error[] = []
      page.on('pageerror', error => errors.push(error))
      await page.goto(url)
      await page.fill('[name=email]', email)
      await page.fill('[name=password]', PASSWORD)
      if (remember) await page.check('[name=remember]')
      await page.click(`[name=${button}]`)
      await page.waitForSelector('#inside:not([hidden])')
      expect(await page.textContent('#email')).toBe(email)
      expect(errors).toEqual([])
      return page
    }
    const page = await come(here, 'register', true)
    expect((await cookiesOf(here, url))[0]?.expires).toBeGreaterThan(Date.now() / 1000 + 29 * 86_400)
    expect(await page.evaluate('document.cookie')).toBe('')
    const other = await come(there, 'sign-in', false)
    expect((await cookiesOf(there, url))[0]?.expires).toBe(-1)

    await page.reload()
    await page.waitForSelector('li:nth-child(2)')
    await page.click('li button')
    await page.waitForSelector('li:nth-child(2)', { state: 'detached' })
    await other.reload()
    await other.waitForSelector('#enter:not([hidden])')

    await page.click('#sign-out')
    await page.waitForSelector('#enter:not([hidden])')
    expect(await cookiesOf(here, url)).toEqual([])
    await Promise.all([here.close(), there.close()])
  })
})
