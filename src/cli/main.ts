#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { newSecret } from '../server/data-dir.js'
import { auditCommand } from './audit.js'
import { importCommand } from './import/import.js'
import { initCommand } from './init/init.js'
import { inviteCommand } from './invite.js'
import { migrateCommand } from './migrate.js'
import { roleCommand } from './role.js'
import { serveCommand } from './serve.js'

const HELP = `pawl: authentication for APIs

  pawl init       put Pawl into the app in the current folder; overwrites nothing
                    --framework=next|nest|express|fastify|hono|koa|node
                    --database=postgres|sqlite
                    --dry-run       say what it would do
  pawl serve      run the server; on first run it makes a data folder and a secret
  pawl migrate    make or change the tables of the database
                    --print         print the SQL instead, for a new database
  pawl audit      show what the audit log has, newest first
                    --user=ID|ADDRESS --actor=ID --session=ID --name=EVENT --tenant=NAME
                    --since=24h|2030-01-31 --until=… --failed
                    --limit=50 --json
  pawl import     take users over from another tool: pow, phoenix, better-auth, authjs,
                  supabase, devise, firebase or any CSV; see docs/import.md
                    --from=TOOL FILE…  their dump or export
                    --dry-run       read and check all, write nothing
                    --report=FILE   a line for each row that did not go in
                    --sessions      let people stay signed in
  pawl invite     mail somebody an invitation: EMAIL [--role=admin] [--tenant=NAME]
  pawl role       give a user a role: EMAIL|ID ROLE [--tenant=NAME]
  pawl keys       print a new secret
  pawl --version
  pawl --help

Settings come from the environment (PAWL_PORT, PAWL_HOST, PAWL_SECRET, DATABASE_URL, …)
and from pawl.config.js or pawl.config.ts in the current folder. See docs/server.md
and, for an app of your own, docs/init.md.
`

type Command = (args: readonly string[]) => Promise<void> | void

/** A command that takes no flags: parsing refuses what is given, by name. */
const bare =
  (run: () => Promise<void> | void): Command =>
  args => {
    parseArgs({ args: [...args], options: {} })
    return run()
  }

const COMMANDS: Readonly<Record<string, Command>> = {
  init: initCommand,
  import: importCommand,
  serve: bare(serveCommand),
  migrate: migrateCommand,
  audit: auditCommand,
  invite: inviteCommand,
  role: roleCommand,
  keys: bare(() => console.log(newSecret())),
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

async function main(): Promise<void> {
  const given = process.argv.slice(2)
  const [name, ...args] = given
  const asks = (...flags: string[]) => given.some(each => flags.includes(each))
  if (asks('--version', '-v')) return console.log(version())
  if (asks('--help', '-h') || name === undefined) return console.log(HELP)
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) throw new TypeError(`unknown ${name.startsWith('-') ? 'option' : 'command'}: ${name}; see pawl --help`)
  await command(args)
}

main().catch((error: Error & { exitCode?: number }) => {
  const expected = error.name === 'SettingError' || error instanceof TypeError
  console.error(`pawl: ${expected ? error.message : (error.stack ?? error.message)}`)
  // 1 says that an import refused rows: how it was called is another matter.
  process.exitCode = error.exitCode ?? (process.argv[2] === 'import' && expected ? 2 : 1)
})
