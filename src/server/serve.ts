import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AuthRequest, authListener } from '../adapters/node.js'
import { type Auth, createAuth } from '../auth.js'
import type { SqliteDatabase } from '../base/sqlite-database.js'
import type { AuthOptions } from '../config.js'
import { pathOf } from '../http/exchange.js'
import { guidePresenter, problemPresenter } from '../http/presenter.js'
import { migrate, migrationState } from '../migrations.js'
import { sqliteStore } from '../stores/sqlite.js'
import { sqlUsers } from '../users/sql.js'
import { findPlace, keptSecrets, type Place } from './data-dir.js'
import { type ServeConfig, settingError } from './env.js'
import { createHttpServer } from './http-server.js'
import { errorFields, type Log } from './log.js'
import { protectedRoute } from './protected.js'
import { openSqlite } from './sqlite.js'

export type { ServeConfig }

export interface RunningServer {
  /** Where it listens: `http://127.0.0.1:4000`. */
  readonly url: string
  readonly place: Place
  /** True when this start made the database. */
  readonly isFirstRun: boolean
  /** Lets work under way finish, then closes the database. */
  stop(): Promise<void>
}

/** Opens the configured database, and refuses one that is older or newer than the code, saying what to run. */
async function openDatabase(file: string, config: ServeConfig): Promise<{ database: SqliteDatabase; isNew: boolean }> {
  const database = await openSqlite(file)
  const options = { extensions: config.extensions ?? [] }
  const { pending, unknown, empty } = await migrationState(database, options)
  try {
    if (unknown.length > 0) {
      throw settingError(
        `${file} was made by a newer Pawl (${unknown.join(', ')}): install that version or a newer one`,
      )
    }
    if (pending.length > 0 && !empty) {
      throw settingError(`${file} was made by an older Pawl: run \`npx pawl migrate\` (${pending.join(', ')})`)
    }
    if (empty) await migrate(database, options)
  } catch (error) {
    database.close()
    throw error
  }
  return { database, isNew: empty }
}

/** True while nobody has signed in: a secret that is not there was never lost. */
function isUnused(database: SqliteDatabase): boolean {
  return database.prepare('select 1 from pawl_sessions limit 1').get() === undefined
}

/** The options of `createAuth` among those of the server. */
function authOptions({
  host,
  port,
  databaseUrl,
  dataDir,
  maxConnections,
  log,
  ...options
}: ServeConfig): Partial<AuthOptions> {
  return options
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
    address: auth?.request.address ?? socket?.remoteAddress ?? null,
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

/** Runs Pawl as a server of its own, on SQLite. Throws, naming the setting, for one that cannot be used. */
export async function serve(config: ServeConfig, log: Log): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 4000, maxConnections = 10_000, errors = 'guide' } = config
  const place = findPlace(config)
  const { database, isNew } = await openDatabase(place.databaseFile, config)

  function build(): Auth {
    return createAuth({
      ...authOptions(config),
      onEvent(event) {
        const { name, at: _, ...facts } = event
        log('info', name, facts)
        config.onEvent?.(event)
      },
      onError(error, requestId) {
        log('error', 'a request failed', { requestId, ...errorFields(error) })
        config.onError?.(error, requestId)
      },
      secret: config.secret ?? keptSecrets(place.secretFile as string, isNew || (!config.store && isUnused(database))),
      users: config.users ?? sqlUsers(database),
      store: config.store ?? sqliteStore(database),
      extensions: [protectedRoute(), ...(config.extensions ?? [])],
    })
  }

  try {
    const auth = build()
    const { server, drain } = createHttpServer({
      listener: authListener(auth),
      ready: () => auth.ready(),
      presenter: config.presenter ?? (errors === 'guide' ? guidePresenter : problemPresenter),
      maxConnections,
      finished: (request, response, ms) => log('info', 'request', requestFields(request as AuthRequest, response, ms)),
    })
    const url = await listen(server, host, port)
    return {
      url,
      place,
      isFirstRun: isNew,
      async stop() {
        await drain()
        database.close()
      },
    }
  } catch (error) {
    database.close()
    throw error
  }
}
