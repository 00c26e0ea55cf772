import { parseArgs } from 'node:util'
import { readConfigFile } from '../server/config-file.js'
import { processEnv, readEnv, settingError } from '../server/env.js'
import { openAuth } from '../server/serve.js'
import { lineOf } from './invite.js'

/** `pawl role`: gives a user a role. The next request of every session of theirs has it. */
export async function roleCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { tenant: { type: 'string' } },
    allowPositionals: true,
  })
  const [who, role, ...more] = positionals
  if (!who || !role || more.length > 0) throw settingError('write `pawl role EMAIL|ID ROLE`')
  const { auth, close } = await openAuth(readEnv(processEnv(), await readConfigFile(process.cwd())))
  try {
    const among = values.tenant === undefined ? auth.system : auth.system.of(values.tenant)
    const system = among.as('pawl role')
    const user = (await system.findUserBy(who)) ?? (await system.findUser(who))
    if (!user) throw settingError(`there is no user ${who}`)
    await system.setRole(user.id, role)
    console.log(`${user.email || user.username}: ${role}`)
  } catch (error) {
    throw lineOf(error)
  } finally {
    await close()
  }
}
