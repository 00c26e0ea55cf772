/** One front end for all links, or a link for each kind: `'myapp://reset?token={token}'`. `{tenant}` is the tenant's name. */
export type MailLinks = string | Readonly<Record<string, string>>

const PATHS: Readonly<Record<string, string>> = {
  confirm_email: 'confirm-email',
  confirm_new_email: 'confirm-email',
  reset_password: 'reset-password',
  invitation: 'accept-invitation',
}

/** Schemes that run what stands in them, or read files. */
const UNSAFE = /^(?:javascript|data|vbscript|file|blob|about):$/

/** Of a kind and a token the link; null where there is none for the kind. */
export type LinkOf = (kind: string, token: string, tenant: string) => string | null

function checked(option: string, template: string, sample: string): void {
  const wrong = (why: string) => new TypeError(`\`${option}\` ${why}`)
  if (/[\s<>"\\]/.test(template)) throw wrong('must be a link without spaces and quotes')
  if (!URL.canParse(sample)) throw wrong("must be a whole link: 'https://app.example'")
  const { protocol, username, password } = new URL(sample)
  if (UNSAFE.test(protocol)) throw wrong(`must not begin with ${protocol}`)
  if (username !== '' || password !== '') throw wrong('must hold no user name and no password')
}

const filled = (template: string, token: string, tenant: string) =>
  template.replaceAll('{token}', encodeURIComponent(token)).replaceAll('{tenant}', encodeURIComponent(tenant))

/** Reads the option `links`. Throws `TypeError` for what makes no link. Nothing of a request ever becomes part of one. */
export function createLinks(links: MailLinks): LinkOf {
  if (typeof links === 'string') {
    checked('links', links, filled(links, 'token', 'tenant'))
    if (!/^https?:\/\//.test(links) || /[?#]|\{token\}/.test(links)) {
      throw new TypeError("`links` must be a front end's base, 'https://app.example', or have a link for each kind")
    }
    const base = links.replace(/\/+$/, '')
    // In the fragment, which no server and no `Referer` gets to see.
    return (kind, token, tenant) =>
      filled(`${base}/${PATHS[kind] ?? kind.replaceAll('_', '-')}#token={token}`, token, tenant)
  }
  const templates = new Map(Object.entries(links))
  for (const [kind, template] of templates) {
    const option = `links.${kind}`
    if (typeof template !== 'string' || !template.includes('{token}')) {
      throw new TypeError(`\`${option}\` must be a link with {token} in it`)
    }
    checked(option, template, filled(template, 'token', 'tenant'))
    if (new URL(filled(template, 'token', 'tenant')).host !== new URL(filled(template, 'other', 'tenant')).host) {
      throw new TypeError(`\`${option}\` must not have {token} in its host`)
    }
  }
  return (kind, token, tenant) => {
    const template = templates.get(kind)
    return template === undefined ? null : filled(template, token, tenant)
  }
}
