#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { newSecret } from '../server/data-dir.js'
import { migrateCommand } from './migrate.js'
import { serveCommand } from './serve.js'

const HELP = `pawl: authentication for APIs

  pawl serve      run the server; on first run it makes a data folder and a secret
  pawl migrate    make or change the tables of the database
  pawl keys       print a new secret
  pawl --version
  pawl --help

Settings come from the environment (PAWL_PORT, PAWL_HOST, PAWL_SECRET, DATABASE_URL, …)
and from pawl.config.js or pawl.config.ts in the current folder. See docs/server.md.
`

const COMMANDS: Readonly<Record<string, () => Promise<void> | void>> = {
  serve: serveCommand,
  migrate: migrateCommand,
  keys: () => console.log(newSecret()),
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

async function main(): Promise<void> {
  const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [name, ...rest] = positionals
  if (values.version) return console.log(version())
  if (values.help || name === undefined) return console.log(HELP)
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command || rest.length > 0) throw new TypeError(`unknown command: ${positionals.join(' ')}; see pawl --help`)
  await command()
}

main().catch((error: Error) => {
  const expected = error.name === 'SettingError' || error instanceof TypeError
  console.error(`pawl: ${expected ? error.message : (error.stack ?? error.message)}`)
  process.exitCode = 1
})
