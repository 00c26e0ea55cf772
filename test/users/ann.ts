import type { Extension, Hooks } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'

export const password = 'secret1234'
export const ann = { email: 'ann@example.com', password }
export const newPassword = 'another-1234'

type Options = NonNullable<Parameters<typeof testAuth>[0]>

/** An extension with these hooks and nothing else. */
export const hooked = (hooks: Hooks): Extension => ({ name: 'hooked', setup: () => ({ hooks }) })

/** An auth with Ann, and a session of hers. */
export async function withAnn(options: Options = {}) {
  const made = testAuth(options)
  const { system } = made.auth
  const { id } = await system.createUser(ann)
  const signIn = async (word = password) =>
    (await made.request('POST', '/session', { json: { user: { ...ann, password: word } } })).body
  const token = (await signIn()).data.access_token as string
  const statusOf = async (as: string) => (await made.request('GET', '/session', { token: as })).status
  return { ...made, system, id, signIn, token, statusOf }
}

/** An extension that writes down each moment. */
export function diary(): { readonly moments: string[]; readonly extension: Extension } {
  const moments: string[] = []
  const names = [
    'authenticating',
    'signingIn',
    'signedIn',
    'savingUser',
    'savedUser',
    'deletedUser',
    'credentialsChanged',
  ] as const
  return {
    moments,
    extension: hooked(Object.fromEntries(names.map(name => [name, () => void moments.push(name)]))),
  }
}
