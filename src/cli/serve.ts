import { readConfigFile } from '../server/config-file.js'
import { processEnv, readEnv } from '../server/env.js'
import { createLog, errorFields } from '../server/log.js'
import { type RunningServer, serve } from '../server/serve.js'

/** What the first run says: where things are, and the guide's lines to try. */
function welcome({ url, database, secretFile, mailbox }: RunningServer, basePath: string): string {
  const api = url + basePath
  const kept = secretFile === null ? '' : `  secret      ${secretFile} (mode 0600; keep it, and keep it secret)\n`
  const shown = mailbox === null ? '' : `  mails       ${mailbox}\n`
  return `
Pawl made a new database.

  database    ${database}
${kept}${shown}
Try it:

  curl -X POST -d "user[email]=test@example.com&user[password]=secret1234&user[password_confirmation]=secret1234" ${api}/registration
  curl -X POST -d "user[email]=test@example.com&user[password]=secret1234" ${api}/session
  curl -H "Authorization: ACCESS_TOKEN" ${api}/session
  curl -X POST -H "Authorization: RENEWAL_TOKEN" ${api}/session/renew
  curl -X DELETE -H "Authorization: ACCESS_TOKEN" ${api}/session

`
}

/** `pawl serve`: runs until it is told to stop, then finishes what it is doing. */
export async function serveCommand(): Promise<void> {
  const config = readEnv(processEnv(), await readConfigFile(process.cwd()))
  const log = config.log === 'silent' ? () => {} : createLog(process.stdout, Date.now)
  // Nobody may be reading: that must not end the process.
  process.stderr.on('error', () => {})
  const running = await serve(config, log)
  let stopping = false
  async function stop(reason: string, exitCode: number): Promise<void> {
    if (stopping) return
    stopping = true
    log('info', 'stopping', { reason })
    await running.stop()
    log('info', 'stopped')
    process.exit(exitCode)
  }
  process.on('SIGTERM', () => void stop('SIGTERM', 0))
  process.on('SIGINT', () => void stop('SIGINT', 0))
  process.on('unhandledRejection', error => log('error', 'unhandled rejection', errorFields(error)))
  process.on('uncaughtException', error => {
    log('error', 'uncaught exception', errorFields(error))
    void stop('uncaught exception', 1)
  })
  if (running.isFirstRun) process.stderr.write(welcome(running, config.basePath ?? '/api/v1'))
  log('info', 'listening', {
    url: running.url,
    database: running.database,
    ...(running.redis !== null && { redis: running.redis }),
    ...(running.mailbox !== null && { mailbox: running.mailbox }),
  })
}
