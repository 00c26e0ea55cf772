// One server of a benchmark, in a process of its own: `node servers.mjs <name>`. Prints its port and what to send.
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuth, memoryStore, memoryUsers } from 'pawl'
import { migrate } from 'pawl/migrations'
import { authListener, requireAuthenticated } from 'pawl/node'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { testExchange } from 'pawl/testing'
import { sqlUsers } from 'pawl/users/sql'

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
  forged: async () => forge(await guarded(memoryParts(), {})),
}

const { listener, token } = await SERVERS[process.argv[2]]()
process.on('SIGINT', () => process.exit())
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port, token }))
})
