import type { Sessions } from '../sessions/sessions.js'
import type { Route, RouteDescription } from './route.js'
import { STATUS_TEXTS } from './status.js'

export interface OpenApiOptions {
  readonly basePath: string
  readonly errors: 'guide' | 'problem'
  /** The cookie that carries sessions, where one does. */
  readonly cookie: Sessions['cookie'] | undefined
}

// Routes differ in their user type, which a description does not show.
type AnyRoute = Pick<Route, 'method' | 'path' | 'guard' | 'needsInput' | 'description'>
type Schema = Readonly<Record<string, unknown>>

const text: Schema = { type: 'string' }
const nullableText: Schema = { type: ['string', 'null'] }
const time: Schema = { type: 'string', format: 'date-time' }
const object = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  required: Object.keys(properties).filter(name => !optional.includes(name)),
  properties,
})
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const device = object({ user_agent: nullableText, address: nullableText })

const SCHEMAS: Readonly<Record<string, Schema>> = {
  Empty: { type: 'object' },
  Anything: { type: 'object' },
  Tokens: object({ access_token: text, renewal_token: text }),
  // And the app's own fields.
  User: object({ id: text, email: nullableText, username: text, created_at: time, updated_at: time }, ['username']),
  Session: object({
    id: { type: 'string', format: 'uuid' },
    current: { type: 'boolean' },
    created_at: time,
    authenticated_at: time,
    renewed_at: time,
    access_expires_at: time,
    renewal_expires_at: time,
    expires_at: time,
    methods: { type: 'array', items: text },
    device: object({ created: device, renewed: device }),
    data: { type: 'object' },
  }),
  Account: object({ user: ref('User') }),
  Profile: object({ user: ref('User'), session: ref('Session') }, ['session']),
  SessionList: object({ sessions: { type: 'array', items: ref('Session') } }),
}

const fieldErrors: Schema = { type: 'object', additionalProperties: { type: 'array', items: text } }
const integer: Schema = { type: 'integer' }
const PROBLEMS: Readonly<Record<'guide' | 'problem', Schema>> = {
  guide: object({
    error: object({ status: integer, code: integer, message: text, errors: fieldErrors, reason: text }, [
      'status',
      'code',
      'errors',
    ]),
  }),
  problem: object({ type: text, title: text, status: integer, errors: fieldErrors, reason: text }, ['errors']),
}

function fieldSchema(name: string): Schema {
  if (name.includes('password')) return { ...text, format: 'password' }
  if (name === 'remember_me') return { type: 'boolean' }
  // What the app's own fields are is its schema's to say.
  return name === 'email' || name === 'username' ? text : {}
}

function requestBody({ user = [], texts = [], flags = [] }: RouteDescription, needed: boolean): Schema {
  const switches = Object.fromEntries(flags.map(name => [name, { type: 'boolean' }]))
  const names = user.map(name => name.replace('?', ''))
  const optional = user.filter(name => name.endsWith('?')).map(name => name.replace('?', ''))
  const fields = Object.fromEntries(names.map(name => [name, fieldSchema(name)]))
  const beside = { ...Object.fromEntries(texts.map(name => [name.replace('?', ''), text])), ...switches }
  const left = [...texts.filter(name => name.endsWith('?')).map(name => name.replace('?', '')), ...flags]
  const json = object({ ...(names.length > 0 && { user: object(fields, optional) }), ...beside }, left)
  const form = object({ ...Object.fromEntries(names.map(name => [`user[${name}]`, text])), ...beside }, [
    ...optional.map(name => `user[${name}]`),
    ...left,
  ])
  return {
    required: needed,
    content: {
      'application/json': { schema: json },
      'application/x-www-form-urlencoded': { schema: form },
      'multipart/form-data': { schema: form },
    },
  }
}

function statuses({ method, guard, needsInput, description }: AnyRoute, { errors, cookie }: OpenApiOptions): number[] {
  const { token, refusals = [] } = description
  const all = new Set([...refusals, 503])
  if ((guard && guard !== 'not_authenticated') || token === 'renewal') all.add(401)
  if (typeof guard === 'object' || (cookie && method !== 'GET')) all.add(403)
  for (const status of method === 'GET' ? [] : [400, 413]) all.add(status)
  if (needsInput) all.add(415).add(429)
  // One failed registration, two words for it.
  if (all.has(500)) all.delete(errors === 'guide' ? 422 : 500)
  return [...all].sort((a, b) => a - b)
}

/** The schema of what a route answers. Where tokens travel in a cookie, its answer shows none. */
function answerSchema({ answers }: RouteDescription, cookie: OpenApiOptions['cookie']): Schema {
  if (answers === 'Anything') return ref('Anything')
  if (answers !== 'Tokens' || !cookie) return object({ data: ref(answers ?? 'Empty') })
  return object({ data: cookie.only ? ref('Empty') : { anyOf: [ref('Tokens'), ref('Empty')] } })
}

/** What a request proves itself with: one of these. */
function security({ guard, description }: AnyRoute, cookie: OpenApiOptions['cookie']): readonly Schema[] {
  if ((guard ?? 'not_authenticated') === 'not_authenticated' && description.token === undefined) return []
  const token = { [description.token === 'renewal' ? 'renewalToken' : 'accessToken']: [] }
  return [...(cookie?.only ? [] : [token]), ...(cookie ? [{ sessionCookie: [] }] : [])]
}

/** Where a sign-in may be answered with tokens or with a cookie, it says which. */
const TRANSPORT: Schema = {
  name: 'Session-Transport',
  in: 'header',
  required: false,
  schema: { enum: ['bearer', 'cookie'] },
}

function operation(route: AnyRoute, options: OpenApiOptions): Schema {
  const { errors, cookie } = options
  const { method, path, needsInput = false, description } = route
  const problemType = errors === 'guide' ? 'application/json' : 'application/problem+json'
  const refusal = { [problemType]: { schema: ref('Problem') } }
  const data = answerSchema(description, cookie)
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: text }))
  const choosesTransport = cookie && !cookie.only && description.answers === 'Tokens' && description.token === undefined
  const parameters = [...inPath, ...(choosesTransport ? [TRANSPORT] : [])]
  return {
    summary: description.summary,
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    security: security(route, cookie),
    ...(parameters.length > 0 && { parameters }),
    ...((description.user || description.texts || description.flags) && {
      requestBody: requestBody(description, needsInput),
    }),
    responses: {
      200: { description: STATUS_TEXTS[200], content: { 'application/json': { schema: data } } },
      ...Object.fromEntries(
        statuses(route, options).map(status => [status, { description: STATUS_TEXTS[status], content: refusal }]),
      ),
    },
  }
}

/** Describes exactly the routes that are mounted, as OpenAPI 3.1. */
export function openApi(routes: readonly AnyRoute[], options: OpenApiOptions): Schema {
  const { basePath, errors, cookie } = options
  const paths: Record<string, Record<string, Schema>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, options) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Pawl', version: '1', license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: basePath || '/' }],
    paths,
    components: {
      securitySchemes: {
        ...(!cookie?.only && {
          accessToken: { type: 'http', scheme: 'bearer', description: 'The access token.' },
          renewalToken: { type: 'http', scheme: 'bearer', description: 'The renewal token.' },
        }),
        ...(cookie && { sessionCookie: { type: 'apiKey', in: 'cookie', name: cookie.name } }),
      },
      schemas: { ...SCHEMAS, Problem: PROBLEMS[errors] },
    },
  }
}
