// One server of a benchmark, in a process of its own: `node servers.mjs <name> [redis-url]`. Prints its port and what to send.
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuth, memoryStore, memoryUsers } from 'pawl'
import { migrate } from 'pawl/migrations'
import { authListener, requireAuthenticated } from 'pawl/node'
import { openSqlite } from 'pawl/sqlite'
import { nearCache } from 'pawl/stores/near-cache'
import { redisStore } from 'pawl/stores/redis'
import { sqliteStore } from 'pawl/stores/sqlite'
import { testExchange } from 'pawl/testing'
import { sqlUsers } from 'pawl/users/sql'
import { createClient } from 'redis'

const secret = 'a secret for benchmarks, and for benchmarks alone'
const HELLO = JSON.stringify({ data: { hello: 'world' } })
const REFUSED = JSON.stringify({ error: { code: 401, message: 'Not authenticated', reason: 'not_authenticated' } })

function json(response, status, body) {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** The same refusal with every header it has: what any server that answers it must send. */
function refused(_, response) {
  response.writeHead(401, {
    'content-type': 'application/json; charset=utf-8',
    'www-authenticate': 'Bearer',
    'content-length': Buffer.byteLength(REFUSED),
  })
  response.end(REFUSED)
}

async function signedIn(auth) {
  const exchange = testExchange('POST', '/api/v1/registration', {
    json: { user: { email: 'bench@example.com', password: 'secret1234', password_confirmation: 'secret1234' } },
  })
  return JSON.parse((await auth.respond(exchange)).body).data.access_token
}

async function sqliteParts() {
  const database = await openSqlite(join(mkdtempSync(join(tmpdir(), 'pawl-bench-')), 'pawl.db'))
  await migrate(database)
  return { users: sqlUsers(database), store: sqliteStore(database) }
}

async function redis(options) {
  const client = createClient({ url: process.argv[3], ...options })
  return client.connect()
}

const redisParts = async () => ({ users: memoryUsers(), store: redisStore(await redis()) })
const nearParts = async () => {
  const client = await redis({ RESP: 3, emitInvalidate: true })
  return { users: memoryUsers(), store: nearCache(redisStore(client)) }
}

/** What one writes by hand: the token is the key, the value the session as JSON. */
async function byHand() {
  const client = await redis()
  const token = 'x'.repeat(97)
  const time = Date.now()
  const session = {
    id: '5a1c7d7e-94f0-4c54-9a36-3a4f7a2b9f10',
    userId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    createdAt: time,
    authenticatedAt: time,
    renewedAt: time,
    expiresAt: time + 1_800_000,
    methods: ['pwd'],
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    address: '192.0.2.1',
    data: {},
  }
  await client.set(`session:${token}`, JSON.stringify(session))
  const listener = async (request, response) => {
    const text = await client.get(`session:${request.headers.authorization}`)
    const found = text && JSON.parse(text)
    if (!found || found.expiresAt <= Date.now()) return refused(request, response)
    request.session = found
    hello(request, response)
  }
  return { listener, token }
}

const memoryParts = () => ({ users: memoryUsers(), store: memoryStore() })
const hello = (_, response) => json(response, 200, HELLO)

async function guarded(parts, session) {
  const auth = createAuth({ secret, ...parts, session })
  const token = await signedIn(auth)
  return { listener: authListener(auth, requireAuthenticated(auth, hello)), token, auth }
}

const forge = ({ token, ...rest }) => ({
  ...rest,
  token: token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
})

const SERVERS = {
  bare: async () => ({ listener: hello, token: 'x'.repeat(97) }),
  'bare-401': async () => ({ listener: (_, response) => json(response, 401, REFUSED), token: 'x'.repeat(97) }),
  'bare-401-whole': async () => ({ listener: refused, token: 'x'.repeat(97) }),
  'session-memory': () => guarded(memoryParts(), { loadUser: false }),
  'user-memory': () => guarded(memoryParts(), {}),
  'user-sqlite': async () => guarded(await sqliteParts(), {}),
  'redis-by-hand': byHand,
  'session-redis': async () => guarded(await redisParts(), { loadUser: false }),
  'session-near-cache': async () => guarded(await nearParts(), { loadUser: false }),
  forged: async () => forge(await guarded(memoryParts(), {})),
}

const { listener, token } = await SERVERS[process.argv[2]]()
process.on('SIGINT', () => process.exit())
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port, token }))
})
