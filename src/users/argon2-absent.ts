// Stands in for `@node-rs/argon2` where native code cannot run, so that a bundler for such a place does not look for it.

function refuse(): Promise<never> {
  return Promise.reject(
    new TypeError('Argon2id needs native code, which does not run here: pass `hasher: scryptHasher()`'),
  )
}

export const hash: (password: string) => Promise<string> = refuse
export const verify: (hash: string, password: string) => Promise<boolean> = refuse
