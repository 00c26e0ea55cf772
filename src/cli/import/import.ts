import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { readConfigFile } from '../../server/config-file.js'
import { processEnv, readEnv, settingError } from '../../server/env.js'
import { checkpointFile } from './checkpoint.js'
import type { Counts } from './counts.js'
import { openDestination } from './destination.js'
import { checkMapping, type Flags, readFlags } from './flags.js'
import { READ_ANYHOW } from './hash-kind.js'
import { importUsers } from './import-users.js'
import { progressBar } from './progress.js'
import { openReport } from './report.js'
import { sessionKeeper } from './sessions.js'
import { type SourceFile, sourceFile } from './source-file.js'

const listed = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

/** What an import did, in lines for people. */
function summary(counts: Counts, { isDry, report }: Flags, name: string): string {
  const foreign = Object.keys(counts.hashes).filter(kind => !READ_ANYHOW.has(kind))
  const lines = [
    `${isDry ? 'a dry run: nothing was written to ' : ''}${name}`,
    `  imported       ${counts.imported}`,
    `  already there  ${counts.already_there}`,
    `  left out       ${counts.left_out}`,
    `  refused        ${counts.refused}`,
    counts.passwords > 0 && `  passwords      ${counts.passwords}`,
    counts.sessions > 0 && `  sessions       ${counts.sessions}`,
    counts.suspended > 0 && `  suspended      ${counts.suspended}`,
    Object.keys(counts.reasons).length > 0 && `  reasons        ${listed(counts.reasons)}`,
    Object.keys(counts.hashes).length > 0 && `  hashes         ${listed(counts.hashes)}`,
    foreign.length > 0 &&
      `These hashes are read by pawl serve, and in an app by \`password: { reads: importedHashes }\`: ${foreign.join(', ')}.` +
        ' bcrypt needs `npm install @node-rs/bcrypt`. See docs/imported-hashes.md.',
    counts.refused > 0 && report === null && 'Which rows were refused says --report=FILE.',
  ]
  return lines.filter(line => line !== false).join('\n')
}

/** Asks a person. Whoever cannot be asked has to have said so. */
async function agreed(flags: Flags, files: readonly SourceFile[], name: string): Promise<boolean> {
  if (flags.yes || flags.isDry) return true
  if (!process.stdin.isTTY) throw new TypeError('say --yes to import, or --dry-run to look first')
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await reader.question(`Import ${files.map(({ path }) => path).join(', ')} into ${name}? [y/N] `)
    return /^y(?:es)?$/i.test(answer.trim())
  } finally {
    reader.close()
  }
}

/** A report or checkpoint must not be written over what is read. */
function checkPaths({ paths, report, checkpoint }: Flags): void {
  const names = [report, checkpoint].filter(path => path !== null).map(path => resolve(path))
  const both = paths.find(path => names.includes(resolve(path))) ?? (names[0] === names[1] ? names[0] : undefined)
  if (both !== undefined)
    throw new TypeError(`${both} is named twice: --report and --checkpoint need files of their own`)
}

const TOLD = /^(?:Connection terminated|database is locked|database or disk is full|disk I\/O error)/

/** An error of a driver may quote a row: its code is told, or words that are known to quote nothing. */
function withoutRow(error: unknown): unknown {
  const { name, code, message = '' } = error as { name?: string; code?: unknown; message?: string }
  if (name === 'SettingError' || name === 'TypeError') return error
  const words = TOLD.exec(message)?.[0] ?? (typeof code === 'string' ? code : name)
  const stopped = `the import stopped (${words}); what was written stays. Run it again: it goes on from there`
  return Object.assign(settingError(stopped), { exitCode: 1 })
}

/** `pawl import`: takes users over from another tool. Exits with 1 where rows were refused. */
export async function importCommand(args: readonly string[]): Promise<void> {
  const flags = readFlags(args)
  checkPaths(flags)
  const files = flags.paths.map(sourceFile)
  const config = readEnv(processEnv(), await readConfigFile(process.cwd()))
  const destination = await openDestination(config, flags.tenant)
  const { name, target, fields, kinds } = destination
  try {
    checkMapping(flags.mapping, fields)
    if (!(await agreed(flags, files, name))) return
    const { tenant, output } = flags
    const now = Date.now
    const kept = flags.sessions ? await destination.sessions() : null
    const total = files.reduce((sum, { size }) => sum + size, 0)
    const bar = progressBar(process.stderr, total, () => performance.now())
    const counts = await importUsers({
      ...flags,
      files,
      target,
      kinds,
      into: name,
      reading: { sessionMs: flags.sessionMs, locked: flags.locked },
      keepSession: kept && sessionKeeper(kept.values, { key: kept.key, tenant, now }),
      checkpoint: checkpointFile(flags.checkpoint),
      openReport: from => openReport(flags.report, from),
      now,
      ...(output === 'text' && { progress: bar.update }),
    }).finally(bar.end)
    if (output === 'json') console.log(JSON.stringify({ dry_run: flags.isDry, ...counts }))
    if (output === 'text') console.log(summary(counts, flags, name))
    if (counts.refused > 0) process.exitCode = 1
  } catch (error) {
    throw withoutRow(error)
  } finally {
    await destination.close()
  }
}
