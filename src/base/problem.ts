/** Messages by field name, as the guide's `errors` member shows them. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>

export interface ProblemOptions {
  /** HTTP status. Default: the code's own, or 400 for a code that is not Pawl's. */
  status?: number
  /** One sentence for people. Default: the code's own. */
  message?: string
  errors?: FieldErrors
  /** The code shown to the client, where it is not this problem's own. */
  reason?: string
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  retryAfter?: number
  /** Methods a path does answer; sent as `Allow`. */
  allow?: readonly string[]
  /** What went wrong inside. Reported to `onError`, never shown. */
  cause?: unknown
}

export type CoreProblem =
  | 'already_authenticated'
  | 'body_too_large'
  | 'busy'
  | 'email_taken'
  | 'forbidden'
  | 'headers_too_large'
  | 'internal'
  | 'invalid_body'
  | 'invalid_credentials'
  | 'invalid_password'
  | 'invalid_request'
  | 'invalid_token'
  | 'invalid_change'
  | 'invalid_user'
  | 'method_not_allowed'
  | 'not_authenticated'
  | 'not_found'
  | 'origin_rejected'
  | 'request_timeout'
  | 'session_reused'
  | 'suspended'
  | 'unavailable'
  | 'unknown_tenant'
  | 'unsupported_media_type'
  | 'username_taken'

/** Every code of the core with its status and message; `docs/problems.md` explains each. */
export const CORE_PROBLEMS: Readonly<Record<CoreProblem, readonly [status: number, message: string]>> = {
  already_authenticated: [409, 'Already authenticated'],
  body_too_large: [413, 'Body is too large'],
  busy: [503, 'Too many sign-ins at once, try again soon'],
  email_taken: [422, 'Email has already been taken'],
  forbidden: [403, 'Forbidden'],
  headers_too_large: [431, 'Request headers are too large'],
  internal: [500, 'Internal server error'],
  invalid_body: [400, 'Body is not valid'],
  invalid_credentials: [401, 'Invalid email or password'],
  invalid_password: [401, 'Invalid password'],
  invalid_request: [400, 'Request is not valid'],
  invalid_token: [401, 'Invalid token'],
  invalid_change: [422, "Couldn't update user"],
  invalid_user: [422, "Couldn't create user"],
  method_not_allowed: [405, 'Method not allowed'],
  not_authenticated: [401, 'Not authenticated'],
  not_found: [404, 'Not found'],
  origin_rejected: [403, 'Request comes from another origin'],
  request_timeout: [408, 'Request took too long to arrive'],
  session_reused: [401, 'Invalid token'],
  suspended: [403, 'Account is suspended'],
  unavailable: [503, 'Service unavailable'],
  unknown_tenant: [404, 'Not found'],
  unsupported_media_type: [415, 'Body must be JSON, a form or multipart form data'],
  username_taken: [422, 'Username has already been taken'],
}

/** The one error people see: a stable code, a status, a message, and messages by field where input was wrong. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly errors: FieldErrors | undefined
  readonly reason: string
  readonly retryAfter: number | undefined
  readonly allow: readonly string[] | undefined

  constructor(code: CoreProblem | (string & {}), options: ProblemOptions = {}) {
    const [status, message] = Object.hasOwn(CORE_PROBLEMS, code) ? CORE_PROBLEMS[code as CoreProblem] : [400, code]
    super(options.message ?? message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.status = options.status ?? status
    this.errors = options.errors
    this.reason = options.reason ?? code
    this.retryAfter = options.retryAfter ?? (this.status === 503 ? 1 : undefined)
    this.allow = options.allow
  }

  /** Tells a problem, and optionally which one. By name, so that two copies of the package agree. */
  static is(error: unknown, code?: CoreProblem | (string & {})): error is Problem {
    if (!(error instanceof Error) || error.name !== 'Problem') return false
    return code === undefined || (error as Problem).code === code
  }
}

/** Codes of refusals that hosts make, by their status. */
const HOST_CODES: Readonly<Record<number, CoreProblem>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'unsupported_media_type',
}

/**
 * What to tell of something thrown: a problem as it is, and anything else as `internal`, but for an error that its host
 * means for the client: one with a `status` from 400 to 499 and `expose`, as `http-errors` makes them.
 */
export function problemOf(error: unknown): Problem {
  if (Problem.is(error)) return error
  const { status, expose, message } = (error ?? {}) as { status?: unknown; expose?: unknown; message?: unknown }
  const isMeant = expose === true && typeof status === 'number' && status >= 400 && status < 500
  if (!isMeant) return new Problem('internal', { cause: error })
  // A parser quotes what it could not read.
  if (error instanceof SyntaxError) return new Problem('invalid_body', { message: 'Body is not valid JSON' })
  const code = HOST_CODES[status]
  if (code) return new Problem(code)
  return new Problem(status === 400 ? 'invalid_request' : `http_${status}`, { status, message: String(message) })
}
