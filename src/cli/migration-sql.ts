import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { SqlDatabase } from '../base/sql-database.js'
import { type MigrationOptions, migrate } from '../migrations.js'

type DialectName = SqlDatabase['dialect']

/** A compiler that writes values where they stand, because a file of SQL has no parameters. */
function inline(compiler: QueryCompiler): QueryCompiler {
  type Inner = QueryCompiler & { appendValue(value: unknown): void; appendImmediateValue(value: unknown): void }
  const inner = compiler as Inner
  inner.appendValue = value => inner.appendImmediateValue(value)
  return inner
}

const DIALECTS = {
  postgres: {
    adapter: () => new PostgresAdapter(),
    compiler: () => new PostgresQueryCompiler(),
    introspector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  },
  sqlite: {
    adapter: () => new SqliteAdapter(),
    compiler: () => new SqliteQueryCompiler(),
    introspector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  },
} as const satisfies Record<DialectName, object>

/** A database that has nothing, does nothing, and keeps what it is told. */
function recording(dialect: DialectName, told: string[]): SqlDatabase {
  const { adapter, compiler, introspector } = DIALECTS[dialect]
  const kysely = new Kysely<unknown>({
    dialect: {
      createAdapter: adapter,
      createDriver: () => new DummyDriver(),
      createIntrospector: introspector,
      createQueryCompiler: () => inline(compiler()),
    },
    log: ({ query }) => void told.push(query.sql),
  }) as SqlDatabase['kysely']
  const nothing = () => {
    throw new Error('nothing is asked here')
  }
  return { dialect, kysely, patient: kysely, prepare: nothing, atomically: nothing, close: () => {} }
}

/**
 * The statements that `migrate` runs on an empty database, each without its semicolon and without those of the
 * transaction around them. After them `migrate` has nothing to do.
 */
export async function migrationStatements(
  dialect: DialectName,
  options: MigrationOptions = {},
): Promise<readonly string[]> {
  const told: string[] = []
  await migrate(recording(dialect, told), options)
  return told.filter(text => !/^(?:begin|commit|select)\b/i.test(text))
}

const RUN: Readonly<Record<DialectName, string>> = {
  postgres: 'psql --single-transaction --set ON_ERROR_STOP=1 --file FILE "$DATABASE_URL"',
  sqlite: 'sqlite3 -bail app.db < FILE',
}

/** The same as one text. `between` is a line that stands between two of them, where a tool wants one. */
export function migrationSql(dialect: DialectName, statements: readonly string[], between = ''): string {
  const head = `-- The tables of Pawl, for a database that has none of them. By hand: ${RUN[dialect]}`
  return `${head}\n\n${statements.join(`;\n${between}`)};\n`
}
