import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Auth, createAuth, type EndedSession } from '../../src/index.js'
import { cheapHasher, testExchange } from '../../src/testing/index.js'
import { PASSWORD } from '../support/guide.js'
import { until } from './answers.js'
import { NEWS_ENGINES, type NewsNode, type NewsPlace } from './news-engines.js'

const SECRET = 'a secret for tests, and for tests alone'
const NEWS_MS = 10_000
const RECOVERY_MS = 20_000
const patience = { timeout: 120_000 }

/** One auth, and what it heard. */
interface Listener {
  readonly auth: Auth
  readonly node: NewsNode
  /** Every word, in order. */
  readonly heard: EndedSession[]
  readonly missed: number[]
  readonly ready: Promise<void>
  stop(): void
}

function listen(auth: Auth, node: NewsNode): Listener {
  const heard: EndedSession[] = []
  const missed: number[] = []
  const { ready, stop } = auth.onSessionEnded(session => heard.push(session), {
    missed: () => missed.push(performance.now()),
  })
  return { auth, node, heard, missed, ready, stop }
}

interface Session extends EndedSession {
  readonly access: string
  readonly renewal: string
}

async function ask(auth: Auth, method: string, path: string, { token, json }: { token?: string; json?: unknown } = {}) {
  const request = { ...(token !== undefined && { token }), ...(json !== undefined && { json }) }
  const { status, body } = await auth.respond(testExchange(method, `/api/v1${path}`, request))
  expect(status, `${method} ${path}: ${body}`).toBe(200)
  return JSON.parse(body ?? '').data
}

async function known(auth: Auth, pair: { access_token: string; renewal_token: string }): Promise<Session> {
  const { user, session } = await ask(auth, 'GET', '/session', { token: pair.access_token })
  return { sessionId: session.id, userId: user.id, access: pair.access_token, renewal: pair.renewal_token }
}

let people = 0
const newEmail = () => `person-${++people}@example.com`

async function register(auth: Auth, email = newEmail()): Promise<Session> {
  const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
  return known(auth, await ask(auth, 'POST', '/registration', { json: { user } }))
}

/** So many sessions of one new person. */
async function sessionsOfOne(auth: Auth, size: number): Promise<Session[]> {
  const email = newEmail()
  const sessions = [await register(auth, email)]
  while (sessions.length < size) {
    const pair = await ask(auth, 'POST', '/session', { json: { user: { email, password: PASSWORD } } })
    sessions.push(await known(auth, pair))
  }
  return sessions
}

interface Ended {
  readonly ended: readonly Session[]
  readonly spared: readonly Session[]
}

/** Every way to end sessions. */
const WAYS: Record<string, (auth: Auth) => Promise<Ended>> = {
  async 'sign-out'(auth) {
    const [own, other] = (await sessionsOfOne(auth, 2)) as [Session, Session]
    await ask(auth, 'DELETE', '/session', { token: own.access })
    return { ended: [own], spared: [other] }
  },
  async 'the end of one'(auth) {
    const [own, other, third] = (await sessionsOfOne(auth, 3)) as [Session, Session, Session]
    await ask(auth, 'DELETE', `/sessions/${other.sessionId}`, { token: own.access })
    return { ended: [other], spared: [own, third] }
  },
  async 'the end of all others'(auth) {
    const [own, ...others] = (await sessionsOfOne(auth, 4)) as [Session, ...Session[]]
    await ask(auth, 'DELETE', '/sessions', { token: own.access })
    return { ended: others, spared: [own] }
  },
  async 'a new password'(auth) {
    const [own, ...others] = (await sessionsOfOne(auth, 3)) as [Session, ...Session[]]
    const [password, before] = [`${PASSWORD}-new`, PASSWORD]
    const user = { current_password: before, password, password_confirmation: password }
    await ask(auth, 'PATCH', '/registration', { token: own.access, json: { user } })
    return { ended: others, spared: [own] }
  },
  async 'the end of an account'(auth) {
    const sessions = await sessionsOfOne(auth, 3)
    const json = { user: { current_password: PASSWORD } }
    await ask(auth, 'DELETE', '/registration', { token: (sessions[0] as Session).access, json })
    return { ended: sessions, spared: [] }
  },
  async 'a replayed token'(auth) {
    const [own, other] = (await sessionsOfOne(auth, 2)) as [Session, Session]
    const { renewal_token } = await ask(auth, 'POST', '/session/renew', { token: own.renewal })
    await ask(auth, 'POST', '/session/renew', { token: renewal_token })
    const { status } = await auth.respond(testExchange('POST', '/api/v1/session/renew', { token: own.renewal }))
    expect(status).toBe(401)
    return { ended: [own], spared: [other] }
  },
}

describe.each(NEWS_ENGINES)('three nodes that listen for ended sessions on $name', ({ open }) => {
  let place: NewsPlace
  /** Ends what the others hear of, whatever happens to their connections. */
  let ender: Listener
  let listeners: Listener[]
  beforeEach(async () => {
    place = await open()
    const nodes = await Promise.all(Array.from({ length: 4 }, () => place.connect()))
    const all = nodes.map(node => {
      const { store } = node
      const options = { secret: SECRET, users: place.users, store, hasher: cheapHasher(), deadlineMs: 10_000 }
      return listen(createAuth(options), node)
    })
    ender = all[0] as Listener
    listeners = all.slice(1)
    await Promise.all(all.map(({ ready }) => ready))
  })
  afterEach(async () => {
    for (const { stop } of [ender, ...listeners]) stop()
    await Promise.all([ender, ...listeners].map(({ node }) => node.close()))
    await place.close()
  })

  const networks = () => listeners.flatMap(({ node }) => node.networks)
  const restore = () => Promise.all(networks().map(network => network.pass()))

  const idOf = ({ sessionId }: EndedSession) => sessionId
  const wordsOf = ({ heard }: Listener, session: EndedSession) =>
    heard.filter(({ sessionId }) => sessionId === session.sessionId)
  const hasHeard = (one: Listener, ended: readonly EndedSession[]) =>
    ended.every(session => wordsOf(one, session).length > 0)

  test.each(Object.keys(WAYS))('each hears of %s, whichever node it is on, and of nothing else', async way => {
    for (const { auth } of [ender, ...listeners]) {
      const { ended, spared } = await (WAYS[way] as (typeof WAYS)[string])(auth)
      expect(ended).not.toEqual([])
      // News of one node come in order, and those of a Cluster's nodes do not: what is to be heard is waited for, and with
      // this one what is not has had its time.
      const last = await register(auth)
      await ask(auth, 'DELETE', '/session', { token: last.access })
      for (const one of listeners) {
        await until('all ends are heard', () => hasHeard(one, [...ended, last]), NEWS_MS)
        const told = [...ended, ...spared].flatMap(session => wordsOf(one, session))
        expect(told).toEqual(ended.map(({ sessionId, userId }) => ({ sessionId, userId })))
      }
    }
  })

  /** Ends sessions until one of the ends is heard by all, and then some that nobody may miss. */
  async function expectNewsFlows(): Promise<void> {
    const endOne = async () => {
      const { ended } = await (WAYS['sign-out'] as (typeof WAYS)[string])(ender.auth)
      return ended
    }
    const tried: EndedSession[] = []
    const isHeardByAll = (session: EndedSession) => listeners.every(one => hasHeard(one, [session]))
    await until(
      'news flows again',
      async () => {
        tried.push(...(await endOne()))
        return tried.some(isHeardByAll)
      },
      RECOVERY_MS,
    )
    const more = (await Promise.all(Array.from({ length: 5 }, endOne))).flat()
    await until('nothing is missed any more', () => more.every(isHeardByAll), NEWS_MS)
    // A word that came twice came by two lines, and one of them is kept for nothing.
    for (const { heard } of listeners) expect(heard.map(idOf)).toEqual([...new Set(heard.map(idOf))])
  }

  test('who stops to listen and begins again at once has one line', async () => {
    for (const one of listeners) {
      one.stop()
      for (let count = 0; count < 3; count++) listen(one.auth, one.node).stop()
    }
    listeners = listeners.map(({ auth, node }) => listen(auth, node))
    await Promise.all(listeners.map(({ ready }) => ready))
    await expectNewsFlows()
  })

  test('what ends while a line is away is made known by `missed` after it is back', patience, async () => {
    for (let round = 0; round < 3; round++) {
      await Promise.all(networks().map(network => network.refuse()))
      const { ended } = await (WAYS['the end of all others'] as (typeof WAYS)[string])(ender.auth)
      const over = performance.now()
      await restore()
      for (const one of listeners) {
        // Who is told before the end looks again too early and never hears of it.
        const isSafe = () => hasHeard(one, ended) || one.missed.some(at => at >= over)
        await until('an end is heard of, or said to be missed', isSafe, RECOVERY_MS)
      }
      await expectNewsFlows()
    }
  })

  test('in a run of ends with cuts none is lost without a word', patience, async () => {
    for (const network of networks()) network.delay(15, 15)
    const ends: { readonly session: EndedSession; readonly asked: number }[] = []
    for (let index = 0; index < 120; index++) {
      const session = await register(ender.auth)
      if (index % 20 < 10 && index % 3 === 2) for (const network of networks()) network.cut()
      const asked = performance.now()
      await ask(ender.auth, 'DELETE', '/session', { token: session.access })
      ends.push({ session, asked })
    }
    await expectNewsFlows()
    for (const one of listeners) {
      const isSafe = (end: (typeof ends)[0]) => hasHeard(one, [end.session]) || one.missed.some(at => at >= end.asked)
      await until('every end is heard of, or said to be missed', () => ends.every(isSafe), NEWS_MS)
      expect(one.missed).not.toEqual([])
    }
  })

  test('a line that says nothing is noticed, made anew, and said to have missed something', patience, async () => {
    for (const { node } of listeners) await until('a line is up', () => node.lines() === 1, RECOVERY_MS)
    const before = listeners.map(({ node }) => node.networks.map(network => network.accepted()))
    for (const network of networks()) network.silence()
    const { ended } = await (WAYS['sign-out'] as (typeof WAYS)[string])(ender.auth)
    const over = performance.now()
    for (const [index, { node }] of listeners.entries()) {
      // Another connection of the client may be opened meanwhile. A line that is not given up yet would then go on as if
      // nothing had been swallowed, which no real network does.
      const isGivenUp = () => node.lines() === 0
      const isTried = () => node.networks.some((each, at) => each.accepted() > (before[index]?.[at] as number))
      await until('the silence is noticed', () => isGivenUp() && isTried(), RECOVERY_MS)
    }
    await restore()
    for (const one of listeners) {
      const isSafe = () => hasHeard(one, ended) || one.missed.some(at => at >= over)
      await until('an end is heard of, or said to be missed', isSafe, RECOVERY_MS)
    }
    await expectNewsFlows()
  })
})
