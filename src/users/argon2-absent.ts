// Stands in for `@node-rs/argon2` in bundles for places without native code: see `browser` in package.json.

function refuse(): Promise<never> {
  return Promise.reject(
    new TypeError('Argon2id needs native code, which does not run here: pass `hasher: scryptHasher()`'),
  )
}

export const hash: (password: string) => Promise<string> = refuse
export const verify: (hash: string, password: string) => Promise<boolean> = refuse
