import { Problem } from '../base/problem.js'

/** A body as names and values. Made without a prototype: `__proto__` is a name like others. */
export type Input = Record<string, unknown>

const MOST_FIELDS = 1000
const MOST_LEVELS = 8

function isGroup(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `user[name][]` as `user`, `name`, ``. Text that is no such name stands for itself. */
function pathOfName(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(name)
  if (!match) return [name]
  const inner = (match[2] as string).slice(1, -1).split('][')
  return [match[1] as string, ...inner]
}

function assign(into: Input, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]]
  const next = rest[0]
  if (next === undefined) {
    into[name] = value
  } else if (next === '' && rest.length === 1) {
    const list = into[name]
    into[name] = Array.isArray(list) ? [...list, value] : [value]
  } else {
    const group = isGroup(into[name]) ? (into[name] as Input) : Object.create(null)
    into[name] = group
    assign(group, rest, value)
  }
}

/** Nests fields named `user[email]` under `user`. Of two with one name the last counts. */
export function nestFields(fields: Iterable<readonly [name: string, value: unknown]>): Input {
  const input: Input = Object.create(null)
  let count = 0
  for (const [name, value] of fields) {
    if (++count > MOST_FIELDS)
      throw new Problem('invalid_body', { message: `Form has more than ${MOST_FIELDS} fields` })
    const path = pathOfName(name)
    if (path.length > MOST_LEVELS) throw new Problem('invalid_body', { message: 'Form is nested too deep' })
    assign(input, path, value)
  }
  return input
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new Problem('invalid_body', { message: 'Form has a broken percent-encoding' })
  }
}

/** The fields of an `application/x-www-form-urlencoded` body, in order. */
export function* urlencodedFields(text: string): Generator<readonly [string, string]> {
  for (const part of text.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    yield equals === -1 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))]
  }
}
