/** The person of the guide's curl lines. */
export const PASSWORD = 'secret1234'

/** The guide's form, as its curl lines send it. */
export function registrationForm(email = 'test@example.com'): URLSearchParams {
  return new URLSearchParams({
    'user[email]': email,
    'user[password]': PASSWORD,
    'user[password_confirmation]': PASSWORD,
  })
}

export interface Pair {
  readonly access: string
  readonly renewal: string
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  readonly json: any
}

/** Sends a request below a base URL. */
export async function send(
  base: string,
  method: string,
  path: string,
  { token, body, headers }: { token?: string; body?: URLSearchParams | string; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await fetch(base + path, {
    method,
    headers: { ...(token !== undefined && { authorization: token }), ...headers },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? JSON.parse(text) : null
  return { status: response.status, headers: response.headers, text, json }
}

/** The tokens in an answer of the guide's shape. */
export function pairOf({ json }: Answered): Pair {
  return { access: json.data.access_token, renewal: json.data.renewal_token }
}

/** Registers somebody at `base`, the URL with the base path. */
export async function register(base: string, email?: string): Promise<Pair> {
  return pairOf(await send(base, 'POST', '/registration', { body: registrationForm(email) }))
}
