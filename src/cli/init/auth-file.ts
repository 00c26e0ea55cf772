import type { Project } from './project.js'

/** How the app reads its environment: text, for another program. */
const ENV = ['process', 'env'].join('.')

const AUTH = (store: string) => `export const auth = createAuth({
  secret: ${ENV}.AUTH_SECRET,
  users: sqlUsers(database),
  store: ${store},
})
`

const POOL = `new pg.Pool({
  connectionString: ${ENV}.DATABASE_URL,
  connectionTimeoutMillis: 1000,
  statement_timeout: 500,
})`

const POSTGRES_IMPORTS = `import { createAuth } from 'pawl'
import { migrate } from 'pawl/migrations'
import { postgresDatabase } from 'pawl/postgres'
import { postgresStore } from 'pawl/stores/postgres'
import { sqlUsers } from 'pawl/users/sql'
import pg from 'pg'
`

const SQLITE_IMPORTS = `import { createAuth } from 'pawl'
import { migrate } from 'pawl/migrations'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { sqlUsers } from 'pawl/users/sql'
`

/** What development keeps from one reload to the next. */
const kept = (
  type: string,
  { typescript }: Project,
) => `// Development loads this file anew with each change: the database stays open.
const kept = globalThis${typescript ? ` as typeof globalThis & { ${type} }` : ''}
`

const IS_BUILD = `// \`next build\` loads this file too, where there is no database to reach.
const isBuild = ${ENV}.NEXT_PHASE === 'phase-production-build'
`

function postgres(project: Project): string {
  if (project.framework !== 'next') {
    return `${POSTGRES_IMPORTS}
const pool = ${POOL}
const database = postgresDatabase(pool)
await migrate(database)

${AUTH('postgresStore(pool)')}`
  }
  return `${POSTGRES_IMPORTS}
${kept('pawlPool?: pg.Pool', project)}kept.pawlPool ??= ${POOL}
const pool = kept.pawlPool
const database = postgresDatabase(pool)

${IS_BUILD}if (!isBuild) await migrate(database)

${AUTH('postgresStore(pool)')}`
}

function sqlite(project: Project): string {
  if (project.framework !== 'next') {
    return `${SQLITE_IMPORTS}
const database = await openSqlite('app.db')
await migrate(database)

${AUTH('sqliteStore(database)')}`
  }
  return `${SQLITE_IMPORTS}
${IS_BUILD}
${kept('pawlDatabase?: ReturnType<typeof openSqlite>', project)}kept.pawlDatabase ??= openSqlite(isBuild ? ':memory:' : 'app.db')
const database = await kept.pawlDatabase
await migrate(database)

${AUTH('sqliteStore(database)')}`
}

/** The file that makes `auth`, on the project's database. */
export function authText(project: Project): string {
  return project.database === 'postgres' ? postgres(project) : sqlite(project)
}

/** How the project calls its files. Next bundles them, so that they are modules whatever the package says. */
export function extensionOf({ typescript, esm, framework }: Project): string {
  if (typescript) return '.ts'
  return esm || framework === 'next' ? '.js' : '.mjs'
}

/** How a file beside it imports it. */
export function importedAs(project: Project, from = '.'): string {
  if (project.framework === 'next') return `${from}/auth`
  return `${from}/auth${project.typescript ? '.js' : extensionOf(project)}`
}

/** The folder of Next's route, below the sources. */
export const NEXT_ROUTE = 'app/api/v1/[...pawl]'

/** Next's file for Pawl's routes. */
export function routeText(project: Project): string {
  const up = NEXT_ROUTE.split('/').map(() => '..')
  return `import { authHandlers } from 'pawl/next'
import { auth } from '${importedAs(project, up.join('/'))}'

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = authHandlers(auth)
`
}
