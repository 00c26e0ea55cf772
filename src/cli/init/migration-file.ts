import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrationSql, migrationStatements } from '../migration-sql.js'
import type { Project } from './project.js'
import type { Step } from './step.js'

const FOLDERS = ['migrations', 'db/migrations', 'drizzle', 'prisma/migrations']
const PRISMA = 'prisma/migrations'

const NOTES: Readonly<Record<string, string>> = {
  drizzle:
    'drizzle-kit runs only what is in its journal: make an entry with `npx drizzle-kit generate --custom --name=pawl` and move the text there.',
  [PRISMA]:
    'Prisma drops tables that its schema does not know: after the migration run `npx prisma db pull` before the next `prisma migrate dev`.',
}

function namesIn(folder: string, path: string): string[] {
  return existsSync(join(folder, path)) ? readdirSync(join(folder, path)) : []
}

/** 20261122171450, as Prisma and others count. */
const stamp = (now: Date) => now.toISOString().replace(/\D/g, '').slice(0, 14)

/** The next number after those in use, as wide as they are; a time where they are times. */
function nextNumber(names: readonly string[], now: Date): string {
  const numbers = names.flatMap(name => /^(\d+)[_.-]/.exec(name)?.[1] ?? [])
  const largest = numbers.sort((a, b) => Number(BigInt(a) - BigInt(b))).at(-1) ?? '0000'
  if (largest.length >= 14) return stamp(now).padEnd(largest.length, '0')
  if (largest.length >= 10) return String(Number(now)).slice(0, largest.length)
  return String(Number(largest) + 1).padStart(largest.length, '0')
}

/** Writes Pawl's tables as SQL where the project keeps its migrations, unless they are there. */
export async function migrationStep(
  { folder, database }: Project,
  now: Date,
): Promise<{ step: Step; notes: readonly string[] }> {
  const kept = FOLDERS.flatMap(each => namesIn(folder, each).map(name => `${each}/${name}`)).find(path =>
    /\d+_pawl(?:\.sql)?$/.test(path),
  )
  if (kept !== undefined) return { step: { path: kept, act: 'keep', text: '', isPublic: false }, notes: [] }
  const place = FOLDERS.find(each => existsSync(join(folder, each))) ?? 'migrations'
  const number = nextNumber(namesIn(folder, place), now)
  const path = place === PRISMA ? `${place}/${stamp(now)}_pawl/migration.sql` : `${place}/${number}_pawl.sql`
  const statements = await migrationStatements(database)
  const text = migrationSql(database, statements, place === 'drizzle' ? '--> statement-breakpoint\n' : '')
  const note = NOTES[place]
  return { step: { path, act: 'write', text, isPublic: false }, notes: note === undefined ? [] : [note] }
}
