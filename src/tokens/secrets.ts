const SHORTEST = 32
const PLACEHOLDER = /change.?me|placeholder|your.?secret|replace.?(me|this)|secret.?here|insert.?secret/i

/**
 * The server's secrets, checked: the first signs, all verify.
 * Throws `TypeError` for a secret that is missing, blank, short or a placeholder; its text is never in the message.
 */
export function checkSecrets(secret: string | readonly string[] | undefined): readonly [string, ...string[]] {
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new TypeError('`secret` is missing: pass at least 32 random characters, `npx pawl keys` makes some')
  }
  for (const [index, text] of secrets.entries()) {
    const which = secrets.length > 1 ? `\`secret\` number ${index + 1}` : '`secret`'
    if (typeof text !== 'string' || text.trim() === '') throw new TypeError(`${which} is empty`)
    if (new TextEncoder().encode(text.trim()).length < SHORTEST) {
      throw new TypeError(`${which} is too short: it needs ${SHORTEST} bytes or more, \`npx pawl keys\` makes one`)
    }
    if (PLACEHOLDER.test(text)) throw new TypeError(`${which} is a placeholder: \`npx pawl keys\` makes a real one`)
  }
  if (new Set(secrets).size !== secrets.length) throw new TypeError('`secret` lists the same secret twice')
  return secrets as unknown as readonly [string, ...string[]]
}
