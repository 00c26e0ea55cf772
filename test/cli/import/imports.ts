import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkpointFile } from '../../../src/cli/import/checkpoint.js'
import { readFlags } from '../../../src/cli/import/flags.js'
import { type ImportOptions, importUsers } from '../../../src/cli/import/import-users.js'
import { openReport } from '../../../src/cli/import/report.js'
import { sourceFile } from '../../../src/cli/import/source-file.js'
import { sqlTarget } from '../../../src/cli/import/sql-target.js'
import type { SqlDatabase } from '../../../src/index.js'
import { type SqlUsersOptions, sqlUsers } from '../../../src/users/sql.js'
import type { JoinedUsers } from '../../../src/users/user.js'
import { keptFolder } from '../../support/refusal.js'

export const NOW = Date.UTC(2026, 0, 1)

/** Writes a text to a file of its own. */
export function fileOf(text: string | Uint8Array, name = 'source'): string {
  const path = join(keptFolder(), name)
  writeFileSync(path, text)
  return path
}

/** Imports files as the command line would, and gives what it counted and reported. */
export async function importInto(
  database: SqlDatabase,
  args: readonly string[],
  over: Partial<ImportOptions> = {},
  usersOptions: SqlUsersOptions = {},
) {
  const flags = readFlags(args)
  const { joined } = sqlUsers(database, usersOptions)
  const rows = joined?.rows as NonNullable<JoinedUsers['rows']>
  const target = await sqlTarget(database, { ...(joined as JoinedUsers), rows }, flags.tenant)
  const lines: Record<string, unknown>[] = []
  const counts = await importUsers({
    ...flags,
    files: flags.paths.map(sourceFile),
    target,
    kinds: rows.kinds,
    into: 'test',
    reading: { sessionMs: flags.sessionMs, locked: flags.locked },
    keepSession: null,
    checkpoint: checkpointFile(null),
    openReport: from => {
      if (flags.report !== null) return openReport(flags.report, from)
      return { size: 0, write: line => void lines.push(line as Record<string, unknown>), close() {} }
    },
    now: () => NOW,
    ...over,
  })
  return {
    counts,
    lines,
    users: (await database.kysely
      .selectFrom(usersOptions.table ?? 'users')
      .selectAll()
      .orderBy(usersOptions.columns?.email ?? 'email')
      .execute()) as Record<string, unknown>[],
  }
}
