import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AuthRequest, authListener } from '../adapters/node.js'
import { type Auth, createAuth } from '../auth.js'
import type { SqlDatabase } from '../base/sql-database.js'
import { pathOf } from '../http/exchange.js'
import { guidePresenter, problemPresenter } from '../http/presenter.js'
import type { AuthOptions } from '../options.js'
import type { Store } from '../stores/store.js'
import { importedHashes } from '../users/hashes/index.js'
import { sqlUsers } from '../users/sql.js'
import { findPlace, keptSecrets, type Place } from './data-dir.js'
import { checkTables, driver, type OpenDatabase, openDatabase } from './database.js'
import { devMailbox } from './dev-mailbox.js'
import { SERVER_OPTIONS, type ServeConfig, settingError } from './env.js'
import { type ServerExtensions, serverExtensions } from './extensions.js'
import { createHttpServer } from './http-server.js'
import { errorFields, type Log } from './log.js'
import { createMetrics, type Metrics } from './metrics.js'
import { type OpenRedis, openRedis, redisPlace } from './redis.js'

export type { ServeConfig }

export interface RunningServer {
  /** Where it listens: `http://127.0.0.1:4000`. */
  readonly url: string
  /** Where the database is, without a password. */
  readonly database: string
  /** Where Redis is, without a password; null without one. */
  readonly redis: string | null
  /** Where mails are shown that no mail server takes; null where one does. */
  readonly mailbox: string | null
  /** The file with the secret; null when the secret is a setting. */
  readonly secretFile: string | null
  /** True when this start made the tables of the database. */
  readonly isFirstRun: boolean
  /** Lets work under way finish, then closes the database. */
  stop(): Promise<void>
}

/** What somebody who runs the server should look at. */
const WARNINGS: ReadonlySet<string> = new Set([
  'mail.delayed',
  'mail.expired',
  'mail.rejected',
  'password.unreadable',
  'rate_limits.weak',
])

/** True while nobody has signed in: a secret that is not there was never lost. */
async function isUnused(database: SqlDatabase): Promise<boolean> {
  return (await database.prepare('select 1 as one from pawl_sessions limit 1').get()) === undefined
}

/**
 * The secret in the data folder. A file is one machine's: its secret may be made anew while nobody has signed in. A
 * database server may have other machines at it, so only the start that made the tables makes a secret.
 */
async function ownSecrets({ place, open: { database }, redis, isNew }: Opened, config: ServeConfig) {
  const isOneMachines = database.dialect === 'sqlite' && redis === null && !config.store
  return keptSecrets(place.secretFile as string, isNew || (isOneMachines && (await isUnused(database))))
}

/** The options of `createAuth` among those of the server. */
function authOptions(config: ServeConfig): Partial<AuthOptions> {
  const isServers = (name: string) => (SERVER_OPTIONS as readonly string[]).includes(name)
  return Object.fromEntries(Object.entries(config).filter(([name]) => !isServers(name)))
}

/** A request as the log shows it: no query, no header, no body. */
function requestFields(request: Partial<AuthRequest>, response: ServerResponse, ms: number) {
  const { id, auth, method, url = '', socket } = request
  return {
    requestId: id,
    method,
    path: pathOf(url),
    status: response.statusCode,
    ms: Math.round(ms * 10) / 10,
    address: auth?.address ?? socket?.remoteAddress ?? null,
    ...(auth?.user && { userId: auth.user.id }),
    ...(auth?.session && { sessionId: auth.session.id }),
    ...(auth?.refusal && { refusal: auth.refusal }),
  }
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(taken ? settingError(`port ${port} of ${host} is taken: set PAWL_PORT to another`) : error)
    })
    server.listen(port, host, () => {
      const { address, port: taken, family } = server.address() as AddressInfo
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`)
    })
  })
}

/** What a running server holds open, and gives back. */
interface Opened {
  readonly place: Place
  readonly open: OpenDatabase
  readonly redis: OpenRedis | null
  readonly added: ServerExtensions
  readonly isNew: boolean
  close(): Promise<void>
}

/** Opens the database and, where there is one, Redis. Closes what it opened when one of them cannot be used. */
async function openAll(config: ServeConfig): Promise<Opened> {
  const added = serverExtensions(config)
  // Now, and not with the first mail.
  if (config.smtpUrl !== undefined) await driver('nodemailer', () => import('nodemailer'), 'PAWL_SMTP_URL')
  const whereRedis = redisPlace(config)
  const place = findPlace(config)
  const open = await openDatabase(place, config)
  let redis: OpenRedis | null = null
  async function close(): Promise<void> {
    await redis?.close()
    await open.database.close()
  }
  try {
    const isNew = await checkTables(open, added.extensions)
    if (whereRedis) redis = await openRedis(whereRedis, config)
    return { place, open, redis, added, isNew, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function buildAuth(config: ServeConfig, opened: Opened, log: Log, metrics: Metrics): Promise<Auth> {
  const { open, redis, added } = opened
  const store: Store = config.store ?? redis?.store ?? open.store()
  return createAuth({
    ...authOptions(config),
    onEvent(event) {
      const { name, at: _, ...facts } = event
      log(WARNINGS.has(name) ? 'warn' : 'info', name, facts)
      metrics.event(name)
      config.onEvent?.(event)
    },
    onError(error, requestId) {
      log('error', 'a request failed', { requestId, ...errorFields(error) })
      config.onError?.(error, requestId)
    },
    password: { reads: importedHashes, ...config.password },
    secret: config.secret ?? (await ownSecrets(opened, config)),
    users: config.users ?? sqlUsers(open.database),
    store,
    extensions: added.extensions,
    database: config.database ?? open.database,
  })
}

/** The auth of a server, for what the command line does with it. */
export async function openAuth(
  config: ServeConfig,
): Promise<{ readonly auth: Auth; readonly added: ServerExtensions; close(): Promise<void> }> {
  const opened = await openAll(config)
  try {
    const auth = await buildAuth(config, opened, () => {}, createMetrics())
    const close = () => auth.close().finally(() => opened.close())
    return { auth, added: opened.added, close }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** Runs Pawl as a server of its own. Throws, naming the setting, for one that cannot be used. */
export async function serve(config: ServeConfig, log: Log): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 4000, maxConnections = 10_000, errors = 'guide' } = config
  const opened = await openAll(config)
  const { place, open, redis, added, isNew } = opened
  const metrics = createMetrics()
  try {
    const auth = await buildAuth(config, opened, log, metrics)
    const { server, drain } = createHttpServer({
      listener: authListener(auth),
      ready: () => auth.ready(),
      metrics: config.metrics ? metrics.text : null,
      mailbox: added.mailbox && devMailbox(added.mailbox),
      presenter: config.presenter ?? (errors === 'guide' ? guidePresenter : problemPresenter),
      maxConnections,
      finished(request, response, ms) {
        metrics.request(response.statusCode)
        log('info', 'request', requestFields(request as AuthRequest, response, ms))
      },
    })
    const url = await listen(server, host, port)
    return {
      url,
      database: open.name,
      redis: redis?.name ?? null,
      mailbox: added.mailbox ? `${url}/dev/mailbox` : null,
      secretFile: place.secretFile,
      isFirstRun: isNew,
      async stop() {
        await drain()
        await auth.close()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}
