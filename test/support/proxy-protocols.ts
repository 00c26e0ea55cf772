/** A piece of what a client sends. */
export interface Request {
  bytes: Buffer
  /** Of a command: in Redis its name in capitals, in PostgreSQL its SQL or ''. Null: no command, but part of the talk. */
  name: string | null
  /** The server answers it with exactly one reply. */
  answered: boolean
}

/** A piece of what a server sends. */
export interface Reply {
  bytes: Buffer
  /** With it the answer to the oldest unanswered request is whole. */
  completes: boolean
}

/** Cuts the two streams of one connection into whole pieces, however they are chunked. */
export interface Protocol {
  requests(chunk: Buffer): Request[]
  replies(chunk: Buffer): Reply[]
}

/** Gives the pieces that are whole and keeps the rest. `take` gives undefined while its piece is not. */
function pieces<T extends { bytes: Buffer }>(take: (buffer: Buffer) => T | undefined): (chunk: Buffer) => T[] {
  let rest: Buffer = Buffer.alloc(0)
  return chunk => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole: T[] = []
    while (rest.length > 0) {
      const piece = take(rest)
      if (piece === undefined) break
      whole.push(piece)
      rest = rest.subarray(piece.bytes.length)
    }
    return whole
  }
}

/** RESP2 and RESP3. */
export function redisProtocol(): Protocol {
  let subscribed = false
  return {
    requests: pieces(buffer => {
      const inline = buffer[0] !== code('*')
      const end = inline ? lineEnd(buffer, 0) : respEnd(buffer)
      if (end === undefined) return undefined
      const bytes = buffer.subarray(0, end)
      const name = (inline ? bytes.toString().split(/\s/)[0] : firstWord(bytes))?.toUpperCase() || null
      const subscribes = name !== null && /^[PS]?(UN)?SUBSCRIBE$/.test(name)
      subscribed ||= subscribes
      return { bytes, name, answered: name !== null && !subscribes }
    }),
    replies: pieces(buffer => {
      const end = respEnd(buffer)
      if (end === undefined) return undefined
      const bytes = buffer.subarray(0, end)
      const news = /^([ps]?(un)?subscribe|[ps]?message)$/.test(firstWord(bytes) ?? '')
      return { bytes, completes: bytes[0] !== code('>') && !(subscribed && news) }
    }),
  }
}

const code = (character: string) => character.charCodeAt(0)

function lineEnd(buffer: Buffer, from: number): number | undefined {
  const at = buffer.indexOf('\r\n', from)
  return at === -1 ? undefined : at + 2
}

/** Where the value at the start of a buffer ends. */
function respEnd(buffer: Buffer): number | undefined {
  let at = 0
  for (let left = 1; left > 0; left--) {
    const end = lineEnd(buffer, at)
    if (end === undefined) return undefined
    const type = String.fromCharCode(buffer[at] as number)
    const size = Number(buffer.toString('latin1', at + 1, end - 2))
    at = end
    if ('$!='.includes(type) && size >= 0) at += size + 2
    if ('*~>'.includes(type) && size > 0) left += size
    if (type === '%') left += size * 2
    // Attributes come before the value that they belong to.
    if (type === '|') left += size * 2 + 1
    if (at > buffer.length) return undefined
  }
  return at
}

/** The first element of an array of strings. */
function firstWord(bytes: Buffer): string | undefined {
  const [, size, word] = bytes.toString('latin1', 0, 200).split('\r\n')
  return size?.startsWith('$') ? word : undefined
}

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104

/**
 * The frontend and backend protocol, version 3, unencrypted. A command is all that one ReadyForQuery answers: a simple
 * Query, or messages up to a Sync.
 */
export function postgresProtocol(): Protocol {
  let started = false
  /** Requests to encrypt, answered with one byte that is no message. */
  let encryptions = 0
  return {
    requests: pieces(buffer => {
      if (!started) {
        const bytes = message(buffer, 0)
        if (bytes === undefined) return undefined
        const encrypts = [SSL_REQUEST, GSS_REQUEST].includes(bytes.readInt32BE(4))
        if (encrypts) encryptions++
        else started = true
        return { bytes, name: null, answered: !encrypts }
      }
      let name = ''
      for (let at = 0; at < buffer.length; ) {
        const part = message(buffer, at, 1)
        if (part === undefined) return undefined
        at += part.length
        const type = String.fromCharCode(part[0] as number)
        if (type === 'Q') name = text(part, 5)
        if (type === 'P') name ||= text(part, part.indexOf(0, 5) + 1)
        const bytes = buffer.subarray(0, at)
        if ('QSF'.includes(type)) return { bytes, name, answered: true }
        // Passwords, copied rows, the good-bye, and a Flush, whose sender waits before it sends the Sync.
        if (!'PBEDC'.includes(type)) return { bytes, name: null, answered: false }
      }
      return undefined
    }),
    replies: pieces(buffer => {
      if (encryptions > 0) {
        encryptions--
        return { bytes: buffer.subarray(0, 1), completes: false }
      }
      const bytes = message(buffer, 0, 1)
      return bytes && { bytes, completes: bytes[0] === code('Z') }
    }),
  }
}

/** The message at a place, whose length follows the type that all but the first have. */
function message(buffer: Buffer, from: number, type: 0 | 1 = 0): Buffer | undefined {
  if (buffer.length < from + type + 4) return undefined
  const end = from + type + buffer.readInt32BE(from + type)
  return end > buffer.length ? undefined : buffer.subarray(from, end)
}

const text = (bytes: Buffer, from: number) => bytes.toString('utf8', from, bytes.indexOf(0, from))
