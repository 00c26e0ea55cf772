import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAuth, memoryStore, memoryUsers } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { equalBytes, secretHash } from '../../src/tokens/digest.js'
import { createTokens } from '../../src/tokens/token.js'
import { newFolder, startServer } from '../support/server.js'
import { signUpWith, tokensOf, useServer } from '../support/wire.js'

const SECRET = 'a server secret that the tests of tokens know'
const wire = useServer({ env: { PAWL_SECRET: SECRET } })
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

async function check(token: string): Promise<number> {
  return (await wire.request('GET', '/session', { token })).status
}

async function renew(token: string): Promise<number> {
  return (await wire.request('POST', '/session/renew', { token })).status
}

/** The fields of a token: where each begins in its 69 bytes. */
function partsOf(token: string) {
  const bytes = Buffer.from(token.slice(5), 'base64url')
  const at = (from: number, to: number) => bytes.subarray(from, to)
  return { bytes, id: at(1, 17), generation: at(17, 21), secret: at(21, 37), mac: at(37, 69) }
}

function tokenOf(kind: string, ...parts: Uint8Array[]): string {
  return `${kind}_${Buffer.concat(parts).toString('base64url')}`
}

test('T1: with any one character changed a token is refused', async () => {
  const { access } = await wire.signUp()
  expect(await check(access)).toBe(200)
  for (let index = 0; index < access.length; index++) {
    const other = access[index] === 'x' ? 'y' : 'x'
    expect(await check(access.slice(0, index) + other + access.slice(index + 1))).toBe(401)
  }
  expect(await check(access)).toBe(200)
})

test('T1: extended, with parts swapped or left out, or unsigned, a token is refused', async () => {
  const [mine, theirs] = [await wire.signUp(), await wire.signUp()]
  const [a, b] = [partsOf(mine.access), partsOf(theirs.access)]
  const key = a.bytes.subarray(0, 1)
  // The parts are where this test believes them to be.
  expect(tokenOf('pwa1', key, a.id, a.generation, a.secret, a.mac)).toBe(mine.access)
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const forged = [
    tokenOf('pwa1', key, b.id, a.generation, a.secret, a.mac),
    tokenOf('pwa1', key, a.id, a.generation, b.secret, a.mac),
    tokenOf('pwa1', key, a.id, a.generation, a.secret, b.mac),
    tokenOf('pwa1', key, a.id, Buffer.from([0, 0, 0, 1]), a.secret, a.mac),
    tokenOf('pwa1', key, a.id, a.generation, a.mac, a.secret),
    tokenOf('pwa1', key, a.id, a.generation, a.secret, Buffer.alloc(32)),
    tokenOf('pwa1', key, a.id, a.generation, a.secret, createHash('sha256').update(a.secret).digest()),
    tokenOf('pwa1', key, a.id, a.generation, a.secret),
    tokenOf('pwa1', key, a.id, a.generation, a.secret, a.mac, a.mac),
    `${none}.${mine.access}.`,
    `${mine.access}${mine.access}`,
    `${mine.access}A`,
    `A${mine.access}`,
    `${mine.access}AAAA`,
  ]
  for (const token of forged) expect(await check(token)).toBe(401)
  expect(await check(mine.access)).toBe(200)
})

test('T1: a forged token is refused before the store is asked', async () => {
  const asked: string[] = []
  const store = memoryStore()
  const find = (id: string) => {
    asked.push(id)
    return store.sessions.find(id)
  }
  const made = testAuth({ store: { ...store, sessions: { ...store.sessions, find } } })
  const { access } = await signUpWith(made)
  await made.request('GET', '/session', { token: access })
  const before = asked.length
  expect(before).toBeGreaterThan(0)
  const last = access.endsWith('x') ? 'y' : 'x'
  expect((await made.request('GET', '/session', { token: access.slice(0, -1) + last })).status).toBe(401)
  expect(asked).toHaveLength(before)
})

test('T2: a token has one spelling: padding, the other alphabet, ignored characters and letter case are refused', async () => {
  let { access, renewal } = await wire.signUp()
  while (!/[-_]/.test(access.slice(5))) {
    ;({ access, renewal } = tokensOf(await wire.request('POST', '/session/renew', { token: renewal })))
  }
  expect(await check(access)).toBe(200)
  const [prefix, body] = [access.slice(0, 5), access.slice(5)]
  const aliases = [
    `${access}=`,
    `${access}==`,
    prefix + body.replaceAll('-', '+').replaceAll('_', '/'),
    `${prefix}${body.slice(0, 40)}.${body.slice(40)}`,
    `${prefix}${body.slice(0, 40)}%0A${body.slice(40)}`,
    `${prefix}${body.slice(0, 40)} ${body.slice(40)}`,
    `${prefix}${body.slice(0, 40)}\t${body.slice(40)}`,
    prefix.toUpperCase() + body,
    prefix + body.toUpperCase(),
    `%70${access.slice(1)}`,
    `"${access}"`,
  ]
  // The decoder itself would take several of these.
  expect(Buffer.from(aliases[2]?.slice(5) ?? '', 'base64url')).toEqual(Buffer.from(body, 'base64url'))
  expect(Buffer.from(aliases[3]?.slice(5) ?? '', 'base64url')).toEqual(Buffer.from(body, 'base64url'))
  for (const alias of aliases) expect(await check(alias)).toBe(401)
  // No spare bits: whatever else stands at the end is another token.
  for (const last of ALPHABET) expect(await check(access.slice(0, -1) + last)).toBe(access.endsWith(last) ? 200 : 401)
})

test('T2: a token in the other alphabet is refused by its reader as well, not by its header alone', () => {
  const tokens = createTokens([SECRET])
  const claims = { sessionId: 'ffffffff-ffff-8fff-bfff-ffffffffffff', generation: 0, secret: Buffer.alloc(16, 0xfb) }
  for (const kind of ['access', 'renewal'] as const) {
    const token = tokens.issue(kind, claims)
    expect(tokens.verify(kind, token)).not.toBeNull()
    const alias = token.slice(0, 5) + token.slice(5).replaceAll('-', '+').replaceAll('_', '/')
    expect(Buffer.from(alias.slice(5), 'base64url')).toEqual(Buffer.from(token.slice(5), 'base64url'))
    expect(tokens.verify(kind, alias)).toBeNull()
    for (const noise of ['=', '.', '\n', ' ', '\u00e9']) {
      expect(tokens.verify(kind, token.slice(0, -1) + noise)).toBeNull()
    }
  }
})

test('T3: digests of unequal length are unequal, and comparing them is no exception', () => {
  const secret = new Uint8Array(16)
  const digest = secretHash(secret)
  expect(equalBytes(secretHash(secret), digest)).toBe(true)
  expect(equalBytes(secretHash(new Uint8Array(15)), digest)).toBe(false)
  for (const length of [0, 1, 31, 33, 64]) expect(equalBytes(digest, Buffer.alloc(length, digest))).toBe(false)
  const tokens = createTokens([SECRET])
  const claims = { sessionId: '01234567-89ab-8def-8123-456789abcdef', generation: 0, secret: new Uint8Array(16) }
  const token = tokens.issue('access', claims)
  expect(tokens.verify('access', token)?.sessionId).toBe(claims.sessionId)
  const { bytes } = partsOf(token)
  for (const length of [0, 1, 31, 33, 64]) {
    const mac = Buffer.alloc(length, bytes.subarray(37))
    expect(tokens.verify('access', tokenOf('pwa1', bytes.subarray(0, 37), mac))).toBeNull()
  }
})

test('T3: cut at any length a token is a 401 and never a 500', async () => {
  const { access, renewal } = await wire.signUp()
  for (let length = 1; length < access.length; length++) expect(await check(access.slice(0, length))).toBe(401)
  for (let length = 1; length < renewal.length; length += 7) expect(await renew(renewal.slice(0, length))).toBe(401)
  expect(await renew(renewal)).toBe(200)
})

test('T4: an access token is refused as renewal token and the reverse, and neither is harmed by the try', async () => {
  const { access, renewal } = await wire.signUp()
  expect(await renew(access)).toBe(401)
  expect(await check(renewal)).toBe(401)
  // Nor under the name of the other kind.
  expect(await renew(access.replace('pwa1_', 'pwr1_'))).toBe(401)
  expect(await check(renewal.replace('pwr1_', 'pwa1_'))).toBe(401)
  expect(await check(access)).toBe(200)
  expect(await renew(renewal)).toBe(200)
})

test('T4: each kind of token verifies as its own kind alone', () => {
  const tokens = createTokens([SECRET])
  const claims = { sessionId: '01234567-89ab-8def-8123-456789abcdef', generation: 7, secret: Buffer.alloc(16, 1) }
  const kinds = ['access', 'renewal'] as const
  const prefixes = { access: 'pwa1_', renewal: 'pwr1_' }
  for (const issued of kinds) {
    for (const asked of kinds) {
      const token = tokens.issue(issued, claims)
      expect(tokens.verify(asked, token) !== null).toBe(issued === asked)
      expect(tokens.verify(asked, prefixes[asked] + token.slice(5)) !== null).toBe(issued === asked)
    }
  }
})

test('T5: every sign-in has its own id and secret, and every renewal its own tokens', async () => {
  const person = await wire.signUp()
  const pairs = [person as { access: string; renewal: string }]
  for (let round = 0; round < 10; round++) pairs.push(tokensOf(await wire.signIn(person)))
  const secrets = new Set(pairs.map(({ access }) => partsOf(access).secret.toString('hex')))
  const ids = new Set(pairs.map(({ access }) => partsOf(access).id.toString('hex')))
  expect([secrets.size, ids.size]).toEqual([11, 11])
  expect(partsOf(person.access).secret).toHaveLength(16)

  for (let round = 0, { renewal } = person; round < 10; round++) {
    const renewed = tokensOf(await wire.request('POST', '/session/renew', { token: renewal }))
    pairs.push(renewed)
    renewal = renewed.renewal
  }
  expect(new Set(pairs.flatMap(({ access, renewal }) => [access, renewal])).size).toBe(42)
})

test('T5: a copy of the store yields no usable token, not even together with the server secret', async () => {
  const { access, renewal } = await wire.signUp()
  const { bytes, id, generation, secret, mac } = partsOf(access)
  const folder = join(wire.server.folder, 'pawl-data')
  const copy = Buffer.concat(readdirSync(folder).map(name => readFileSync(join(folder, name))))
  // It is the right folder: what may be stored is there.
  expect(copy.includes(Buffer.from(secretHash(secret)).toString('hex'))).toBe(true)
  for (const part of [secret, mac, partsOf(renewal).mac, bytes]) {
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      expect(copy.includes(part.toString(encoding))).toBe(false)
    }
    expect(copy.includes(part)).toBe(false)
  }

  const [sessionId, tokens] = [id.toString('hex'), createTokens([SECRET])]
  const claims = { sessionId, generation: generation.readUInt32BE() }
  expect(tokens.issue('access', { ...claims, secret })).toBe(access)
  const stored = Buffer.from(secretHash(secret))
  for (const guess of [stored.subarray(0, 16), stored.subarray(16), id, Buffer.alloc(16)]) {
    expect(await check(tokens.issue('access', { ...claims, secret: guess }))).toBe(401)
    expect(await renew(tokens.issue('renewal', { ...claims, secret: guess }))).toBe(401)
  }
  expect(await check(access)).toBe(200)
})

test('T6: nothing personal is inside a token', async () => {
  const { email, password, access, renewal } = await wire.signUp()
  const { body } = await wire.request('GET', '/session', { token: access })
  const user: string = body.data.user.id
  for (const token of [access, renewal]) {
    const { bytes } = partsOf(token)
    for (const personal of [email, password, user, email.split('@')[0] as string]) {
      expect(token).not.toContain(personal)
      expect(bytes.includes(personal)).toBe(false)
    }
    expect(bytes.includes(Buffer.from(user.replaceAll('-', ''), 'hex'))).toBe(false)
    expect(bytes.includes(createHash('sha256').update(email).digest().subarray(0, 8))).toBe(false)
  }
})

const [oldSecret, newSecret] = [`the old one ${'o'.repeat(32)}`, `the new one ${'n'.repeat(32)}`]

test('T18: tokens of both secrets verify while both are listed, and those of an unknown one are 401', async () => {
  const parts = { store: memoryStore({ now: () => 0 }), users: memoryUsers(), now: () => 0 }
  const [before, both, after] = [[oldSecret], [newSecret, oldSecret], [newSecret]].map(secret =>
    testAuth({ ...parts, secret }),
  ) as [ReturnType<typeof testAuth>, ReturnType<typeof testAuth>, ReturnType<typeof testAuth>]
  const old = await signUpWith(before)
  const status = async ({ request }: typeof both, token: string) => (await request('GET', '/session', { token })).status
  expect(await status(both, old.access)).toBe(200)
  expect(await status(after, old.access)).toBe(401)
  const renewed = tokensOf(await both.request('POST', '/session/renew', { token: old.renewal }))
  expect(await status(after, renewed.access)).toBe(200)
  expect(await status(before, renewed.access)).toBe(401)
})

test('T18: a token names the secret it was made with, and another name is 401', async () => {
  const { access } = await wire.signUp()
  const { bytes } = partsOf(access)
  expect(createTokens([oldSecret, SECRET]).verify('access', access)).not.toBeNull()
  expect(createTokens([oldSecret]).verify('access', access)).toBeNull()
  for (const id of [0, 1, 127, 255]) {
    if (id === bytes[0]) continue
    expect(await check(tokenOf('pwa1', Buffer.from([id]), bytes.subarray(1)))).toBe(401)
  }
})

test('T18: an empty, short, missing or doubled secret stops the start and is not told', async () => {
  const bad = ['', ' ', 'short', 'x'.repeat(31), ' '.repeat(40), [], [oldSecret, ''], [oldSecret, oldSecret], undefined]
  for (const secret of bad) {
    expect(() => createAuth({ users: memoryUsers(), secret: secret as string })).toThrow(/`secret`/)
  }
  const folder = newFolder()
  for (const PAWL_SECRET of ['', 'too short a secret', `${oldSecret},`]) {
    const start = startServer({ folder, env: { PAWL_SECRET } })
    start.then(started => started.stop()).catch(() => {})
    const error: Error = await start.then(() => new Error('it started')).catch(reason => reason)
    expect(error.message).toMatch(/exited with [1-9].*`secret`/s)
    if (PAWL_SECRET) expect(error.message).not.toContain(PAWL_SECRET)
  }
  rmSync(folder, { recursive: true })
})
