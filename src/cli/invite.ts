import { parseArgs } from 'node:util'
import { Problem } from '../base/problem.js'
import { invitation } from '../extensions/invitation/invitation.js'
import { readConfigFile } from '../server/config-file.js'
import { processEnv, readEnv, settingError } from '../server/env.js'
import { openAuth } from '../server/serve.js'

/** A refusal as one line: what is wrong with which field. */
export function lineOf(error: unknown): unknown {
  if (!Problem.is(error)) return error
  const fields = Object.entries(error.errors ?? {}).map(([name, messages]) => `${name} ${messages.join(', ')}`)
  return settingError([error.message, ...fields].join(': '))
}

/**
 * `pawl invite`: invites somebody, with any role, as trusted code may: so the first administrator comes to be. Without a
 * mail server it prints the mail.
 */
export async function inviteCommand(args: readonly string[]): Promise<void> {
  const options = { role: { type: 'string' }, tenant: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [email, ...more] = positionals
  if (email === undefined || more.length > 0) throw settingError('write `pawl invite EMAIL [--role=ROLE]`')
  const { auth, added, close } = await openAuth(readEnv(processEnv(), await readConfigFile(process.cwd())))
  try {
    const { system } = auth.extension(invitation())
    const inviting = values.tenant === undefined ? system : system.of(values.tenant)
    await inviting.invite({ email, ...(values.role !== undefined && { role: values.role }) })
    if (added.mail) await auth.extension(added.mail).deliver()
    const letter = added.mailbox?.mails().find(({ kind }) => kind.startsWith('invitation'))
    console.log(letter ? `${letter.subject}\n\n${letter.text}` : `${email} is invited, and gets a mail`)
  } catch (error) {
    throw lineOf(error)
  } finally {
    await close()
  }
}
