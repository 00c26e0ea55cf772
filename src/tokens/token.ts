import { hkdfSync, timingSafeEqual } from 'node:crypto'
import { recentMap } from '../base/recent.js'
import { createMac, type Mac } from './mac.js'
import { uuidAt } from './uuid.js'

/** `access` opens guarded routes, `renewal` buys the next pair, `cookie` does both from a browser's cookie. */
export type TokenKind = 'access' | 'renewal' | 'cookie'

/** What an authentic token says. */
export interface Claims {
  readonly sessionId: string
  readonly generation: number
  /** The session's 16-byte secret. It exists here and nowhere in the store. */
  readonly secret: Uint8Array
}

export interface Tokens {
  /** The one spelling of a session's token at a generation, among the users of a tenant. Default: no tenant. */
  issue(kind: TokenKind, claims: Claims, tenant?: string): string
  /** The claims of an authentic token of this kind and tenant, or null. Asks nobody: a forged token costs no I/O. */
  verify(kind: TokenKind, token: string, tenant?: string): Claims | null
}

interface Key {
  readonly id: number
  readonly writeMac: Mac
}

type Rings = Readonly<Record<TokenKind, Ring>>

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

const PREFIXES: Readonly<Record<TokenKind, string>> = { access: 'pwa1', renewal: 'pwr1', cookie: 'pwc1' }
/** Tenants whose keys are kept at hand. Deriving them anew costs some ten µs. */
const MOST_TENANTS = 1000
const START = 5
const SESSION = START + 1
const GENERATION = SESSION + 16
const SECRET = GENERATION + 4
const MAC = SECRET + 16
const END = MAC + 32
const LENGTH = START + ((END - START) / 3) * 4

/** 32 bytes for a purpose that is not a token's. */
export function deriveKey(secret: string, purpose: string): Uint8Array {
  return derive(secret, `key/${purpose}`, 32)
}

function derive(secret: string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `pawl/${info}`, length))
}

/** `scope` makes keys of its own: no token of one scope is any in another. */
function createRing(kind: TokenKind, secrets: readonly string[], scope: string): Ring {
  const prefix = PREFIXES[kind]
  const keys = secrets.map(secret => ({
    id: derive(secret, 'key-id', 1).readUInt8(0),
    writeMac: createMac(derive(secret, prefix + scope, 32), MAC),
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
 * A `realm` keeps the tokens of one auth apart from those of another with the same secrets.
 */
export function createTokens(secrets: readonly [string, ...string[]], realm = ''): Tokens {
  const makeRings = (tenant: string): Rings => {
    const scope = realm === '' && tenant === '' ? '' : `/${realm}/${tenant}`
    return {
      access: createRing('access', secrets, scope),
      renewal: createRing('renewal', secrets, scope),
      cookie: createRing('cookie', secrets, scope),
    }
  }
  const untenanted = makeRings('')
  const byTenant = recentMap<Rings>(MOST_TENANTS)

  function ringOf(kind: TokenKind, tenant: string): Ring {
    if (tenant === '') return untenanted[kind]
    const rings = byTenant.get(tenant) ?? makeRings(tenant)
    byTenant.set(tenant, rings)
    return rings[kind]
  }

  return {
    issue(kind, { sessionId, generation, secret }, tenant = '') {
      const ring = ringOf(kind, tenant)
      const { prefix, current, scratch } = ring
      scratch.writeUInt8(current.id, START)
      scratch.write(sessionId.replaceAll('-', ''), SESSION, 'hex')
      scratch.writeUInt32BE(generation, GENERATION)
      scratch.set(secret, SECRET)
      current.writeMac(ring.signed, ring.mac)
      return prefix + scratch.toString('base64url', START, END)
    },

    verify(kind, token, tenant = '') {
      const ring = ringOf(kind, tenant)
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
