import type { IncomingMessage } from 'node:http'
import { Problem } from '../base/problem.js'
import type { Answer } from '../http/exchange.js'
import type { Context } from '../sessions/context.js'
import { isContentHeader } from './content-headers.js'
import { answerFor } from './node-io.js'
import type { Reading } from './thrown.js'

/** What the adapter uses of Fastify's request. */
export interface Told {
  readonly raw: IncomingMessage
  readonly originalUrl: string
  readonly ip: string
  readonly body: unknown
  auth?: Context | null
}

/** What the adapter uses of Fastify's reply. */
export interface Reply {
  readonly request: { readonly raw: IncomingMessage }
  code(status: number): unknown
  headers(headers: Readonly<Record<string, string | string[]>>): unknown
  getHeaders(): object
  removeHeader(name: string): unknown
  send(payload: unknown): unknown
}

/** Answers in Fastify's words, so that the app's hooks have their say. */
export function give(reply: Reply, answer: Answer): unknown {
  for (const name of Object.keys(reply.getHeaders())) if (isContentHeader(name)) reply.removeHeader(name)
  const { headers, body } = answerFor(reply.request.raw, answer)
  reply.code(answer.status)
  reply.headers(headers)
  return reply.send(body)
}

/** Fastify's own refusals, which say what they mean in `statusCode`. */
export const readFastifyError: Reading = error => {
  const { statusCode, message, code } = (error ?? {}) as { statusCode?: unknown; message?: unknown; code?: unknown }
  if (Problem.is(error) || typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return error
  if (error instanceof SyntaxError || /^FST_ERR_CTP_(?:INVALID|EMPTY)_JSON_BODY$/.test(String(code))) {
    return new Problem('invalid_body', { message: 'Body is not valid JSON' })
  }
  // Its word for a type that no parser of the app reads.
  if (statusCode === 415) return new Problem('unsupported_media_type', { message: String(message) })
  return { status: statusCode, message, expose: true }
}
