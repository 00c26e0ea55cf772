import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { mergeSettings, readEnv, SETTINGS, type ServeConfig } from '../../src/server/env.js'
import { pairOf, registrationForm, send } from '../support/guide.js'
import { freePort } from '../support/processes.js'
import { keptFolder, projectWith, refusal } from '../support/refusal.js'
import { runPawl, type ServerProcess, startServer } from '../support/server.js'

const SECRET = 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE'

const running: ServerProcess[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(server => server.stop()))
})

async function started(...options: Parameters<typeof startServer>): Promise<ServerProcess> {
  const server = await startServer(...options)
  running.push(server)
  return server
}

test('an unknown PAWL_ setting is refused and named', async () => {
  const message = await refusal({ env: { PAWL_PROT: '4000' } })
  expect(message).toMatch(/exited with 1/)
  expect(message).toMatch(/unknown setting PAWL_PROT\b/)
  expect(message).toContain('PAWL_PORT')
})

test('variables of other programs are left alone', () => {
  expect(readEnv({ PATH: '/bin', PORT: '80', HOME: '/root', PAWLETTE: 'x' })).toEqual({})
})

test('a refusal is one line without a stack', async () => {
  const { code, stdout, stderr } = await runPawl(['serve'], { env: { PAWL_PROT: '1' }, folder: keptFolder() })
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toMatch(/^pawl: /)
})

test('a port that is no port is refused by name', async () => {
  expect(await refusal({ env: { PAWL_PORT: 'http' } })).toMatch(/PAWL_PORT must be a whole number from 0 to 65535/)
  const bad = ['', ' ', '65536', '-1', '80.5', '0x50', '1e3', '80 ']
  for (const text of bad) expect(() => readEnv({ PAWL_PORT: text }), text).toThrow(/PAWL_PORT must be/)
})

test('settings of the wrong kind are refused by name, with what to write instead', () => {
  const wrong: Record<string, string> = {
    DATABASE_URL: ' ',
    PAWL_ACCESS_LIFETIME: '30',
    PAWL_DATA_DIR: '',
    PAWL_ERRORS: 'rfc9457',
    PAWL_HASH_CONCURRENCY: '0',
    PAWL_HASH_QUEUE: 'many',
    PAWL_HOST: '',
    PAWL_LOG: 'loud',
    PAWL_MAX_CONNECTIONS: '0',
    PAWL_PASSWORD_ALLOW_COMMON: 'maybe',
    PAWL_PASSWORD_MAX_LENGTH: '63',
    PAWL_PASSWORD_MIN_LENGTH: '7',
    PAWL_RACE: 'win',
    PAWL_RACE_WINDOW: '0s',
    PAWL_RENEWAL_LIFETIME: '30 days',
    PAWL_RETRY_WINDOW: '-2m',
    PAWL_SESSION_LIFETIME: '',
    PAWL_CLOCK_LEEWAY: '0s',
    PAWL_DATABASE_POOL: '0',
    PAWL_METRICS: 'yes',
    PAWL_NEAR_CACHE: '1',
    PAWL_REDIS_EVICTION: 'lru',
    PAWL_REDIS_REPLICAS: '-1',
    PAWL_STALE_IF_ERROR: 'long',
    PAWL_STORE_DEADLINE: '0ms',
    REDIS_URL: ' ',
  }
  for (const [name, text] of Object.entries(wrong))
    expect(() => readEnv({ [name]: text }), name).toThrow(`${name} must`)
})

test('every setting reaches the configuration under its own key', () => {
  const values: Record<string, string> = {
    DATABASE_URL: 'sqlite:x.db',
    NODE_ENV: 'production',
    PAWL_DEV_MAILBOX: 'false',
    PAWL_ACCESS_LIFETIME: '10m',
    PAWL_BASE_PATH: '/auth',
    PAWL_DATA_DIR: 'd',
    PAWL_ERRORS: 'problem',
    PAWL_HASH_CONCURRENCY: '2',
    PAWL_HASH_QUEUE: '9',
    PAWL_HOST: '::1',
    PAWL_LOG: 'silent',
    PAWL_MAX_CONNECTIONS: '5',
    PAWL_PASSWORD_ALLOW_COMMON: 'true',
    PAWL_PASSWORD_MAX_LENGTH: '128',
    PAWL_PASSWORD_MIN_LENGTH: '12',
    PAWL_PORT: '0',
    PAWL_RACE: 'converge',
    PAWL_RACE_WINDOW: '5s',
    PAWL_RENEWAL_LIFETIME: '7d',
    PAWL_RETRY_WINDOW: '1m',
    PAWL_SECRET: `${SECRET}, ${SECRET}2`,
    PAWL_SESSION_LIFETIME: '60d',
    PAWL_CLOCK_LEEWAY: '5s',
    PAWL_DATABASE_POOL: '3',
    PAWL_METRICS: 'true',
    PAWL_NEAR_CACHE: 'true',
    PAWL_REDIS_EVICTION: 'allow',
    PAWL_REDIS_REPLICAS: '2',
    PAWL_STALE_IF_ERROR: '20s',
    PAWL_STORE_DEADLINE: '1s',
    PAWL_APP_NAME: 'Acme',
    PAWL_AUDIT_RETENTION: 'forever',
    PAWL_BREACHED_PASSWORDS: 'true',
    PAWL_EMAIL_CONFIRMATION: 'required',
    PAWL_EMAIL_CONFIRMATION_GRACE: '7d',
    PAWL_ENUMERATION_SAFE: 'false',
    PAWL_INVITATION_ROLES: 'admin, editor',
    PAWL_LINK_BASE: 'https://app.example',
    PAWL_MAIL_FROM: 'Acme <auth@acme.example>',
    PAWL_MAIL_WORKER: 'false',
    PAWL_PASSWORD_PRESET: 'nist',
    PAWL_PASSWORD_WORDS: 'acme,road runner',
    PAWL_PROXY_HOPS: '2',
    PAWL_RATE_LIMITS: 'x10',
    PAWL_REGISTRATION: 'invited',
    PAWL_SECURITY_NOTICES: 'false',
    PAWL_SMTP_URL: 'smtp://mail.example:587',
    REDIS_URL: 'redis://r',
  }
  expect(Object.keys(values).sort()).toEqual(Object.keys(SETTINGS).sort())
  expect(readEnv(values)).toEqual({
    databaseUrl: 'sqlite:x.db',
    basePath: '/auth',
    dataDir: 'd',
    errors: 'problem',
    host: '::1',
    log: 'silent',
    maxConnections: 5,
    port: 0,
    password: { concurrency: 2, queue: 9, maxLength: 128, allowCommon: true, minLength: 12 },
    session: {
      access: '10m',
      race: 'converge',
      raceWindow: '5s',
      renewal: '7d',
      retryWindow: '1m',
      absolute: '60d',
      staleIfError: '20s',
    },
    clockLeeway: '5s',
    databasePool: 3,
    metrics: true,
    nearCache: true,
    redisEviction: 'allow',
    redisReplicas: 2,
    deadlineMs: 1000,
    appName: 'Acme',
    auditRetention: 'forever',
    breachedPasswords: true,
    emailConfirmation: 'required',
    emailConfirmationGrace: '7d',
    enumerationSafe: false,
    invitationRoles: ['admin', 'editor'],
    linkBase: 'https://app.example',
    mailFrom: 'Acme <auth@acme.example>',
    mailWorker: false,
    devMailbox: false,
    passwordPreset: 'nist',
    passwordWords: ['acme', 'road runner'],
    proxyHops: 2,
    rateLimits: 'x10',
    registration: 'invited',
    securityNotices: false,
    smtpUrl: 'smtp://mail.example:587',
    redisUrl: 'redis://r',
    secret: [SECRET, `${SECRET}2`],
  })
})

test('a secret that is empty, blank, short or a placeholder is refused and never printed', async () => {
  const bad = {
    '': /empty/,
    '      ': /empty/,
    'hunter2-hunter2-hunter2': /too short.*pawl keys/,
    'please-change-me-please-change-me-please': /placeholder.*pawl keys/,
    [`${SECRET},short-second-one`]: /number 2 is too short/,
  }
  for (const [secret, reason] of Object.entries(bad)) {
    const folder = keptFolder()
    const env = { PAWL_SECRET: secret, PAWL_PORT: '0' }
    expect(await refusal({ env, folder }), secret).toMatch(reason)
    const { code, stdout, stderr } = await runPawl(['serve'], { env, folder: keptFolder() })
    expect(code).toBe(1)
    const secrets = secret.split(',').filter(text => text.trim() !== '')
    for (const text of secrets) expect(stdout + stderr).not.toContain(text)
  }
})

test('a start that was refused for its secret leaves the next start free', async () => {
  const folder = keptFolder()
  await refusal({ env: { PAWL_SECRET: 'too short' }, folder })
  const server = await started({ folder })
  expect((await send(server.url, 'GET', '/readyz')).status).toBe(200)
})

test('a setting in the file and in the environment with two values is refused by name', async () => {
  const folder = projectWith({ 'pawl.config.js': "export default { basePath: '/one', session: { access: '10m' } }\n" })
  expect(await refusal({ env: { PAWL_BASE_PATH: '/two' }, folder })).toMatch(/basePath.*PAWL_BASE_PATH/)
  expect(await refusal({ env: { PAWL_ACCESS_LIFETIME: '20m' }, folder })).toMatch(/access.*PAWL_ACCESS_LIFETIME/)
})

test('settings of file and environment add up, also inside of session and password', () => {
  const file: ServeConfig = { port: 1, session: { access: '10m' }, password: { minLength: 10 } }
  expect(mergeSettings(file, { session: { race: 'converge' }, host: '::1' }, 'here')).toEqual({
    port: 1,
    host: '::1',
    session: { access: '10m', race: 'converge' },
    password: { minLength: 10 },
  })
  expect(mergeSettings(file, { port: 1, session: { access: '10m' } }, 'here')).toEqual(file)
  expect(() => mergeSettings(file, { password: { minLength: 9 } }, 'HERE')).toThrow(/minLength.*HERE/)
  expect(file).toEqual({ port: 1, session: { access: '10m' }, password: { minLength: 10 } })
})

test('a contradiction of secrets is refused without their text', () => {
  const contradict = () => readEnv({ PAWL_SECRET: SECRET }, { secret: `${SECRET}-old` })
  expect(contradict).toThrow(/secret.*PAWL_SECRET/)
  expect(contradict).not.toThrow(SECRET)
})

test('an access token that would outlive its renewal token is refused', async () => {
  const env = { PAWL_ACCESS_LIFETIME: '31d', PAWL_RENEWAL_LIFETIME: '30d' }
  expect(await refusal({ env })).toMatch(/access.*must not be longer than.*renewal/)
  expect(await refusal({ env: { PAWL_SESSION_LIFETIME: '1d' } })).toMatch(/renewal.*must not be longer than.*absolute/)
})

test('a database this Pawl has no store for is refused by its scheme, without its password', async () => {
  const folder = keptFolder()
  const env = { DATABASE_URL: 'mysql://pawl:tops3cret@db.example/pawl', PAWL_SECRET: SECRET }
  const message = await refusal({ env, folder })
  expect(message).toMatch(/DATABASE_URL must be like sqlite:.* or postgres:.*mysql:/)
  expect(message).not.toContain('tops3cret')
  expect(await refusal({ env: { DATABASE_URL: 'pawl.db' }, folder })).toMatch(/DATABASE_URL must be like sqlite:/)
})

test('a database server or a Redis that cannot be used is refused by its setting, without its password', async () => {
  const nobody = await freePort()
  const postgres = { DATABASE_URL: `postgres://pawl:tops3cret@db.invalid:5432/pawl?x=y`, PAWL_SECRET: SECRET }
  const message = await refusal({ env: postgres })
  expect(message).toMatch(/DATABASE_URL postgres:\/\/db.invalid:5432\/pawl cannot be used/)
  expect(message).not.toContain('tops3cret')

  for (const url of ['postgres://pawl:tops3/cret@db.invalid/pawl', 'postgres://pawl:tops3@cret@db.invalid/pawl']) {
    const odd = await refusal({ env: { DATABASE_URL: url, PAWL_SECRET: SECRET } })
    expect(odd).toMatch(/DATABASE_URL/)
    expect(odd).not.toMatch(/tops3|cret@/)
  }

  const redis = { REDIS_URL: `redis://pawl:tops3cret@127.0.0.1:${nobody}`, PAWL_SECRET: SECRET }
  const unanswered = await refusal({ env: redis })
  expect(unanswered).toMatch(/REDIS_URL redis:\/\/127.0.0.1:\d+ cannot be used/)
  expect(unanswered).not.toContain('tops3cret')
})

test('a REDIS_URL that is none, and a near cache where there is no single Redis, are refused', async () => {
  for (const url of [
    'http://127.0.0.1',
    'redis://a,b',
    'redis+sentinel://a',
    'redis+sentinel://a/',
    '127.0.0.1:6379',
  ]) {
    expect(await refusal({ env: { REDIS_URL: url } }), url).toMatch(/REDIS_URL must be like redis:/)
  }
  expect(await refusal({ env: { PAWL_REDIS_REPLICAS: '1' } })).toMatch(/PAWL_REDIS_REPLICAS needs a REDIS_URL/)
  const near = { PAWL_NEAR_CACHE: 'true' }
  expect(await refusal({ env: { ...near, REDIS_URL: 'redis+cluster://a' } })).toMatch(/PAWL_NEAR_CACHE needs a redis:/)
  expect(await refusal({ env: near })).toMatch(/PAWL_NEAR_CACHE needs a redis:/)
})

test('an unknown key in the configuration file is refused by name', async () => {
  const misspelt = projectWith({ 'pawl.config.js': "export default { bsaePath: '/x' }\n" })
  expect(await refusal({ folder: misspelt })).toMatch(/unknown setting `bsaePath`/)
  const nested = projectWith({ 'pawl.config.js': "export default { session: { acces: '10m' } }\n" })
  expect(await refusal({ folder: nested })).toMatch(/unknown option `session.acces`/)
})

test('pawl.config.js sets what the environment can, and what only code can', async () => {
  const folder = projectWith({
    'pawl.config.js': `
      import { guidePresenter } from 'pawl'
      const presenter = { ...guidePresenter, data: data => ({ status: 200, headers: {}, body: JSON.stringify({ mine: data }) }) }
      export default { basePath: '/auth', port: 0, presenter }
    `,
  })
  const { url } = await started({ folder })
  const { access } = pairOf(await send(url, 'POST', '/auth/registration', { body: registrationForm() }))
  const { json } = await send(url, 'GET', '/auth/session', { token: access })
  expect(json.mine.user.email).toBe('test@example.com')
  expect((await send(url, 'POST', '/api/v1/registration', { body: registrationForm() })).status).toBe(404)
})

test('pawl.config.ts works on every Node', async () => {
  const folder = projectWith({
    'pawl.config.ts': `
      import type { AuthOptions } from 'pawl'
      const settings: Partial<AuthOptions> = { basePath: '/typed' as const }
      export default settings
    `,
  })
  const { url, output } = await started({ folder })
  expect((await send(url, 'POST', '/typed/registration', { body: registrationForm() })).status).toBe(200)
  expect(output().stderr).toContain('/typed/session')
})

test('two configuration files are refused, both named', async () => {
  const text = 'export default {}\n'
  const message = await refusal({ folder: projectWith({ 'pawl.config.js': text, 'pawl.config.ts': text }) })
  expect(message).toMatch(/pawl\.config\.ts and .*pawl\.config\.js/)
})

test('a configuration file that exports nothing is refused with what to write', async () => {
  const folder = projectWith({ 'pawl.config.js': "export const basePath = '/x'\n" })
  expect(await refusal({ folder })).toMatch(/pawl\.config\.js must export its settings as `export default/)
})

test('a port that is taken is refused and PAWL_PORT named', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  try {
    await new Promise(resolve => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const message = await refusal({ env: { PAWL_PORT: String(port) } })
    expect(message).toMatch(new RegExp(`port ${port} .*taken.*PAWL_PORT`))
  } finally {
    other.close()
  }
})

test('PAWL_ERRORS=problem answers as RFC 9457, with 422 for a registration', async () => {
  const { url } = await started({ env: { PAWL_ERRORS: 'problem' } })
  const body = new URLSearchParams({ 'user[email]': 'nobody', 'user[password]': 'short' })
  const { status, headers, json } = await send(url, 'POST', '/api/v1/registration', { body })
  expect(status).toBe(422)
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(json).toMatchObject({ status: 422, title: "Couldn't create user", reason: 'invalid_user' })
  expect(json.errors.email).toEqual(['has invalid format'])
  const guarded = await send(url, 'GET', '/api/v1/protected')
  expect(guarded.status).toBe(401)
  expect(guarded.json).toMatchObject({ status: 401, title: 'Not authenticated' })
})

test('a data folder that is a file is refused by name', async () => {
  const folder = keptFolder()
  writeFileSync(join(folder, 'taken'), '')
  expect(await refusal({ env: { PAWL_DATA_DIR: 'taken' }, folder })).toMatch(/PAWL_DATA_DIR/)
  expect(existsSync(join(folder, 'pawl-data'))).toBe(false)
})
