import { hkdfSync, timingSafeEqual } from 'node:crypto'
import { createMac, type Mac } from './mac.js'
import { uuidAt } from './uuid.js'

/** `access` opens guarded routes, `renewal` buys the next pair. */
export type TokenKind = 'access' | 'renewal'

/** What an authentic token says. */
export interface Claims {
  readonly sessionId: string
  readonly generation: number
  /** The session's 16-byte secret. It exists here and nowhere in the store. */
  readonly secret: Uint8Array
}

export interface Tokens {
  /** The one spelling of a session's token at a generation. */
  issue(kind: TokenKind, claims: Claims): string
  /** The claims of an authentic token of this kind, or null. Asks nobody: a forged token costs no I/O. */
  verify(kind: TokenKind, token: string): Claims | null
}

interface Key {
  readonly id: number
  readonly writeMac: Mac
}

interface Ring {
  readonly prefix: string
  readonly current: Key
  /** By key id. The id is one byte, so two secrets may share one; then both are tried. */
  readonly byId: ReadonlyMap<number, readonly Key[]>
  /** The token at hand, its signed part, its mac, and the mac it should have: within one synchronous call, never two. */
  readonly scratch: Buffer
  readonly signed: Buffer
  readonly mac: Buffer
  readonly expected: Buffer
}

const PREFIXES: Readonly<Record<TokenKind, string>> = { access: 'pwa1', renewal: 'pwr1' }
const START = 5
const SESSION = START + 1
const GENERATION = SESSION + 16
const SECRET = GENERATION + 4
const MAC = SECRET + 16
const END = MAC + 32
const LENGTH = START + ((END - START) / 3) * 4

function derive(secret: string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `pawl/${info}`, length))
}

function createRing(kind: TokenKind, secrets: readonly string[]): Ring {
  const prefix = PREFIXES[kind]
  const keys = secrets.map(secret => ({
    id: derive(secret, 'key-id', 1).readUInt8(0),
    writeMac: createMac(derive(secret, prefix, 32), MAC),
  }))
  const byId = new Map<number, Key[]>()
  for (const key of keys) byId.set(key.id, [...(byId.get(key.id) ?? []), key])
  const scratch = Buffer.alloc(END)
  scratch.write(`${prefix}_`, 'latin1')
  return {
    prefix: `${prefix}_`,
    current: keys[0] as Key,
    byId,
    scratch,
    signed: scratch.subarray(0, MAC),
    mac: scratch.subarray(MAC, END),
    expected: Buffer.alloc(END - MAC),
  }
}

/**
 * Signs and verifies tokens under a list of server secrets: the first signs, all verify.
 * A token is `kind "_" base64url(keyId ‖ sessionId ‖ generation ‖ secret ‖ mac)`: 69 bytes, a multiple of three, so
 * base64url leaves no spare bits and a token has exactly one spelling.
 */
export function createTokens(secrets: readonly [string, ...string[]]): Tokens {
  const rings = { access: createRing('access', secrets), renewal: createRing('renewal', secrets) }

  return {
    issue(kind, { sessionId, generation, secret }) {
      const ring = rings[kind]
      const { prefix, current, scratch } = ring
      scratch.writeUInt8(current.id, START)
      scratch.write(sessionId.replaceAll('-', ''), SESSION, 'hex')
      scratch.writeUInt32BE(generation, GENERATION)
      scratch.set(secret, SECRET)
      current.writeMac(ring.signed, ring.mac)
      return prefix + scratch.toString('base64url', START, END)
    },

    verify(kind, token) {
      const ring = rings[kind]
      const { prefix, byId, scratch, signed, mac, expected } = ring
      if (token.length !== LENGTH || !token.startsWith(prefix)) return null
      // Node's decoder takes two alphabets, and skips characters it does not know: then bytes are missing.
      if (token.includes('+') || token.includes('/')) return null
      if (scratch.write(token.slice(START), START, 'base64url') !== END - START) return null
      for (const key of byId.get(scratch.readUInt8(START)) ?? []) {
        key.writeMac(signed, expected)
        if (timingSafeEqual(expected, mac)) {
          return {
            sessionId: uuidAt(scratch, SESSION),
            generation: scratch.readUInt32BE(GENERATION),
            secret: new Uint8Array(scratch.subarray(SECRET, MAC)),
          }
        }
      }
      return null
    },
  }
}
