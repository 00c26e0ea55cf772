import type { Json } from '../base/json.js'
import type { Problem } from '../base/problem.js'
import type { Context, IssuedTokens } from '../sessions/context.js'
import type { Answer } from './exchange.js'

/** Turns results and problems into answers: the only place that knows the shape of the wire. The guide's error handler. */
export interface Presenter {
  tokens(tokens: IssuedTokens, ctx: Context): Answer
  data(data: Json, ctx: Context): Answer
  problem(problem: Problem, ctx: Context): Answer
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }
const PRIVATE_HEADERS = { ...JSON_HEADERS, 'cache-control': 'no-store' }

function json(status: number, value: Json, headers: Readonly<Record<string, string>> = PRIVATE_HEADERS): Answer {
  return { status, headers, body: JSON.stringify(value) }
}

/** Answers to problems that are made once, and so often given that making the answer would cost more than the check. */
function remembering(present: (problem: Problem) => Answer): (problem: Problem) => Answer {
  const answers = new WeakMap<Problem, Answer>()
  return problem => {
    const known = answers.get(problem)
    if (known) return known
    const answer = present(problem)
    if (Object.isFrozen(problem)) {
      Object.freeze(answer.headers)
      answers.set(problem, Object.freeze(answer))
    }
    return answer
  }
}

/** The headers a problem calls for, whatever its body looks like. */
function problemHeaders(problem: Problem, contentType: string): Record<string, string> {
  return {
    'content-type': contentType,
    // No cache keeps a 401 unasked (RFC 9110, 15.1), and it is the one answer anybody can ask for in bulk.
    ...(problem.status === 401 ? { 'www-authenticate': 'Bearer' } : { 'cache-control': 'no-store' }),
    ...(problem.retryAfter !== undefined && { 'retry-after': String(problem.retryAfter) }),
    ...(problem.allow && { allow: problem.allow.join(', ') }),
  }
}

const success: Pick<Presenter, 'tokens' | 'data'> = {
  tokens: ({ accessToken, renewalToken }) =>
    json(200, { data: { access_token: accessToken, renewal_token: renewalToken } }),
  data: data => json(200, { data }),
}

/** The guide's words: a failed registration is a 500, and a guard says `code` where others say `status`. */
export const guidePresenter: Presenter = {
  ...success,
  problem: remembering(problem => {
    const status = problem.code === 'invalid_user' ? 500 : problem.status
    const error = {
      ...(problem.code === 'not_authenticated' ? { code: status } : { status }),
      message: problem.message,
      ...(problem.errors && { errors: problem.errors }),
      reason: problem.reason,
    }
    return json(status, { error }, problemHeaders(problem, JSON_HEADERS['content-type']))
  }),
}

/** RFC 9457 `application/problem+json`, with the honest status. */
export const problemPresenter: Presenter = {
  ...success,
  problem: remembering(problem => {
    const body = {
      type: 'about:blank',
      title: problem.message,
      status: problem.status,
      ...(problem.errors && { errors: problem.errors }),
      reason: problem.reason,
    }
    return json(problem.status, body, problemHeaders(problem, 'application/problem+json'))
  }),
}
