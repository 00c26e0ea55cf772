import { expect, test } from 'vitest'
import { argon2Hasher } from '../../src/index.js'
import {
  argon2Hashes,
  aspNetHashes,
  bcryptHashes,
  betterAuthHashes,
  deviseHashes,
  djangoHashes,
  firebaseHashes,
  importedHashes,
  passlibHashes,
  type ReadHash,
  scryptHashes,
  werkzeugHashes,
} from '../../src/users/hashes/index.js'

/** The project that the readme of Firebase's scrypt shows. */
const PROJECT = {
  signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  saltSeparator: 'Bw==',
}
const PEPPER = '7cd64bb1cff8ab1b0cf7a2ee25c1ae67f2a3dd6fbb7f1cb8d2c5f0a0f2cf4a11'
const firebase = firebaseHashes(PROJECT)
const devise = deviseHashes({ pepper: PEPPER })

/** Hashes of `secret1234`, each made by what its line names. */
const VECTORS: readonly (readonly [origin: string, read: ReadHash, hash: string])[] = [
  ['bcryptjs 3', bcryptHashes, '$2b$04$WOl7cHLbNjGPOPZYQ98ixOV.mvF0Gi8UdBMmTsDz9OEy2yHCIedie'],
  ['@node-rs/bcrypt 2', bcryptHashes, '$2b$04$y/SLZuo7/wpSfSh8Fe0CR.xCM1OauhjsU4zXpT62aPJgd4KNgntzC'],
  ['Passlib 1.7.4 and bcrypt 3.2', bcryptHashes, '$2b$04$SNhmezFh.O.s76IT3WIL3uvGZm4osbepDhQKlJMLmeWGtwYNAVyym'],
  ['the same, named as PHP names it', bcryptHashes, '$2y$04$SNhmezFh.O.s76IT3WIL3uvGZm4osbepDhQKlJMLmeWGtwYNAVyym'],
  ['the same, named as of old', bcryptHashes, '$2a$04$SNhmezFh.O.s76IT3WIL3uvGZm4osbepDhQKlJMLmeWGtwYNAVyym'],
  ['bcryptjs 3, of password and pepper', devise, '$2b$04$NQddF6eXwaTuXid66FT.1u6K2RfMS99st4b5qmUFTSrzBadfyL7DK'],
  [
    'better-auth',
    betterAuthHashes,
    '3bf080c8bb2f5e0e63290309e2c7bdfa:be5139337d60c8597873f12725c9ca30f8b06d84fb89c924056483986ebdafb96d7b65a450e7b5731635f7193c4301075b8f79fc0c5a75fafe34fe28d212c90e',
  ],
  [
    'firebase-scrypt 2.2',
    firebase,
    '$firebase-scrypt$42xEC+ixf3L2lw==$RncyILged5MTePe4z/DVB1RKjw+REH+dxxVPzwDanvpYVaEDNFKCrjgXmjmyp8PkcTVW/R4LL2ZTI6aaD74t9A==',
  ],
  [
    'the same in the alphabet of the Admin SDK',
    firebase,
    '$firebase-scrypt$42xEC-ixf3L2lw$RncyILged5MTePe4z_DVB1RKjw-REH-dxxVPzwDanvpYVaEDNFKCrjgXmjmyp8PkcTVW_R4LL2ZTI6aaD74t9A',
  ],
  [
    'Django 3.2',
    djangoHashes,
    'pbkdf2_sha256$260000$QsfSWiFOXc4lsg66VVSmyH$pbo+fOeyFbx/SCFRIM96xJm6j5Jkly2cS0EXwAFU170=',
  ],
  ['Django 3.2', djangoHashes, 'pbkdf2_sha1$260000$fs62uT1Z72E8odIU6Eabfi$Trnjn1s6PFyRditwmUji8lbKoMo='],
  [
    'Django 3.2',
    djangoHashes,
    'argon2$argon2id$v=19$m=102400,t=2,p=8$WWRuWkFNdkdSSm5xQ2tTNEJ1ZmNRdg$DE79+TUjCpn03Mp+pDKNJQ',
  ],
  ['Django 3.2', djangoHashes, 'bcrypt_sha256$$2b$04$V3/nHpQQFR9BE.uoV.xseO3sJQp5967RYuLtDeEJ6SBoxKcg8jJBm'],
  ['Django 3.2', djangoHashes, 'bcrypt$$2b$04$3/uMTzlpXXdu9SZhqp13i.r4vWIO9qxkksaqzX9f6B3Q2mMELiSBu'],
  [
    "hashlib of Python 3.11, in Django 4's layout",
    djangoHashes,
    'scrypt$16384$abcdefghij1234567890AB$8$1$a8m5NA7KkvHSVqs3vsKCAqt/TVg/YrBSDwkonnjnihIcJT4CwKeeoIR/26ozs4csVK4FIGuqH3MfHsDkWBGXmQ==',
  ],
  [
    'Passlib 1.7.4',
    passlibHashes,
    '$pbkdf2-sha256$2000$ndP6H6MUYqzVek.pFWJM6Q$oav89CtRn0Jr7Tsds0CPYsTq4mz8CfLLP.8BX3gVJMw',
  ],
  [
    'Passlib 1.7.4',
    passlibHashes,
    '$pbkdf2-sha512$2000$kbJ2zvkfo7R2DgEAYIyREg$9yKie6jbmuYDvYs9A7UnDkMI3.mWvwzOIYQzkgoh9avtjKvnatXIrIseU8MCrtpU2.ZO.aOe/O/YBUCX5KXbsg',
  ],
  ['Passlib 1.7.4', passlibHashes, '$pbkdf2$2000$Ycx5T.n9P0dIac05h7D2Pg$gy3rjzEiAlU/8GOt3uV.UYREE0o'],
  [
    'Passlib 1.7.4',
    scryptHashes,
    '$scrypt$ln=10,r=8,p=1$+9/bO0dIScm5t9Zay9k7Jw$tcWhS5K7utgcgBAlP8N5Qmm4A+WlPPmMWBdalw387aQ',
  ],
  ['Passlib 1.7.4', argon2Hashes, '$argon2i$v=19$m=4096,t=2,p=2$jxEixBhD6H0vRYgxRgiBkA$/bqg+74PWg7vLrFQBKXoew'],
  ['Passlib 1.7.4', argon2Hashes, '$argon2d$v=19$m=4096,t=2,p=2$X4vxnhMixBjD2Bvj3Dsn5A$1WKQbmz1BmD2RucIlmpthw'],
  [
    '@node-rs/argon2 2',
    argon2Hashes,
    '$argon2id$v=16$m=4096,t=3,p=1$NMG2LN9HPps9U4oHEcaOtQ$tOVjJIa50ZYpOOox7D6AJEQD0vgp/gFNoKi19KO819Y',
  ],
  [
    'the same as it was written before there were versions',
    argon2Hashes,
    '$argon2i$m=4096,t=3,p=1$9qxOBDbJoLN0+FAmR/78ow$/0kkF3MlGGODsO1UDNvK1ifimNj23yzO1cfim3EXT7A',
  ],
  [
    'Werkzeug 2.2',
    werkzeugHashes,
    'pbkdf2:sha256:2000$6H8CTPeOBB3OxJuX$0105547ca84ff53000e3b15b9be7c266a9b8f676238217a10b3be7d0a6c6793b',
  ],
  [
    'Werkzeug 2.2',
    werkzeugHashes,
    'pbkdf2:sha512:2000$ZjidnbAJFzQxjRoI$1d6183340c46c6fa5852fd2ce15d25734e1e3b00ba6f32f79c3d5e0185fa7cf426582160684729a9214bae0561653bc70795f056ca786b2a66f03173501094e6',
  ],
  [
    "hashlib of Python 3.11, in Werkzeug's layout",
    werkzeugHashes,
    'scrypt:32768:8:1$abcdefghij123456$1593ccdef64f0fbc287ca4d8803e3b3c8361607f693ea43c0d9bc185781aa0ac6ff8f36132e248fdd20b5c86579cbff7c2df09a74e003fae5e1947c4515f4e81',
  ],
  [
    'hashlib of Python 3.11, in the layout of ASP.NET Core 7 and later',
    aspNetHashes,
    'AQAAAAIAACcQAAAAEAABAgMEBQYHCAkKCwwNDg/wBj/v6HHEqxOEujM7KeVdJlukuYQpaizuWIkHmKLIaA==',
  ],
  [
    'the same of earlier ones',
    aspNetHashes,
    'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg/rC2nirL2uuNkuDHSMmIyxSJ+Q4gTmoz8O6yGGv5QFhw==',
  ],
]

const unreadable = { matches: false, outdated: false, unreadable: true }
const READERS = [...importedHashes, firebase]

test.each(VECTORS)('a hash of %s verifies with its password alone, and is outdated', async (_origin, read, hash) => {
  const hasher = argon2Hasher({ reads: [read] })
  expect(await hasher.verify('secret1234', hash)).toEqual({ matches: true, outdated: true, unreadable: false })
  for (const wrong of ['secret1235', 'Secret1234', 'secret1234 ', 'secret123', '']) {
    expect((await hasher.verify(wrong, hash)).matches, wrong).toBe(false)
  }
  // Without its reader nobody reads it.
  expect(await argon2Hasher().verify('secret1234', hash)).toSatisfy(
    (verdict: typeof unreadable) => verdict.unreadable || hash.startsWith('$pbkdf2-sha'),
  )
})

test('each kind is read by one reader alone', () => {
  for (const [, expected, hash] of VECTORS) {
    const readers = READERS.filter(read => read(hash))
    expect(readers, hash).toEqual([expected === devise ? bcryptHashes : expected])
  }
})

test("a hash from Firebase's own readme verifies", async () => {
  const hash =
    '$firebase-scrypt$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
  expect(await firebase(hash)?.matches('user1password')).toBe(true)
  expect(await firebase(hash)?.matches('user2password')).toBe(false)
  const other = firebaseHashes({ ...PROJECT, saltSeparator: 'Cw==' })
  expect(await other(hash)?.matches('user1password')).toBe(false)
})

test('Better Auth normalised to NFKC, and so does its reader', async () => {
  // better-auth, of `ﬁnance-Å1` with a ligature and an Ångström sign.
  const hash =
    'b26649164779f9a13d1a5c8be784b034:505e1945d0ad14648b126e4ca4c1f0010d4c8b54007c4c0d67469475b9c2e7093804b2690cff37a1fea0a1c76df18bdf8fc880c3ab71271c823ed12af64adcdb'
  for (const spelling of ['\ufb01nance-\u212b1', 'finance-\u00c51', 'finance-A\u030a1']) {
    expect(await betterAuthHashes(hash)?.matches(spelling), spelling).toBe(true)
  }
  expect(await betterAuthHashes(hash)?.matches('finance-A1')).toBe(false)
})

test('bcrypt saw 72 bytes, and Django gave it a digest of all', async () => {
  // bcryptjs 3, of 40 times `ü`: 80 bytes.
  const hash = '$2b$04$IEFTMBl/fHuWQl4.zelSgeYcHr0PmiKTBI4dwkS2ETbrmZCXE61eO'
  expect(await bcryptHashes(hash)?.matches('ü'.repeat(40))).toBe(true)
  expect(await bcryptHashes(hash)?.matches('ü'.repeat(36))).toBe(true)
  expect(await bcryptHashes(hash)?.matches('ü'.repeat(35))).toBe(false)
  // What replaces it sees the whole.
  expect(bcryptHashes(hash)?.outdated).toBe(true)
})

const key = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64').replaceAll('=', '')
const aspNet = (prf: number, rounds: number, salt: number, bytes: number) => {
  const head = Buffer.alloc(13)
  head[0] = 1
  head.writeUInt32BE(prf, 1)
  head.writeUInt32BE(rounds, 5)
  head.writeUInt32BE(salt, 9)
  return Buffer.concat([head, Buffer.alloc(bytes)]).toString('base64')
}

test('a hostile row is not computed, whatever it asks for', async () => {
  const bcryptKey = 'a'.repeat(53)
  const hostile = [
    `$2b$16$${bcryptKey}`,
    `$2b$31$${bcryptKey}`,
    `$2b$99$${bcryptKey}`,
    `$2b$03$${bcryptKey}`,
    `bcrypt$$2b$31$${bcryptKey}`,
    `bcrypt_sha256$$2b$31$${bcryptKey}`,
    `pbkdf2_sha256$99999999$salt$${key(32)}=`,
    `pbkdf2_sha256$0$salt$${key(32)}=`,
    `pbkdf2:sha256:99999999$salt$${'ab'.repeat(32)}`,
    `pbkdf2:md5:1000$salt$${'ab'.repeat(32)}`,
    `$pbkdf2-sha512$99999999$${key(16)}$${key(64)}`,
    `$pbkdf2$99999999$${key(16)}$${key(20)}`,
    `scrypt$1048576$salt$8$1$${key(64)}==`,
    `scrypt$16384$salt$8$999$${key(64)}==`,
    `scrypt$16383$salt$8$1$${key(64)}==`,
    `scrypt:1048576:8:1$salt$${'ab'.repeat(64)}`,
    `$scrypt$ln=31,r=8,p=1$${key(16)}$${key(32)}`,
    `$argon2i$v=19$m=9999999,t=1,p=1$${key(16)}$${key(32)}`,
    `$argon2i$v=19$m=262144,t=9,p=1$${key(16)}$${key(32)}`,
    `$argon2i$v=19$m=4096,t=0,p=1$${key(16)}$${key(32)}`,
    `$argon2id$v=19$m=999999999,t=1,p=1$${key(16)}$${key(32)}`,
    `$argon2id$v=19$m=19456,t=99999,p=1$${key(16)}$${key(32)}`,
    `argon2$argon2id$v=19$m=999999999,t=1,p=1$${key(16)}$${key(32)}`,
    aspNet(1, 99_999_999, 16, 48),
    aspNet(3, 1000, 16, 48),
    aspNet(1, 1000, 4_000_000_000, 48),
    aspNet(1, 1000, 40, 48),
  ]
  const hasher = argon2Hasher({ reads: READERS })
  for (const hash of hostile) {
    const start = process.cpuUsage()
    expect(await hasher.verify('secret1234', hash), hash).toEqual(unreadable)
    expect(process.cpuUsage(start).user, hash).toBeLessThan(1_000_000)
  }
})

test('text that is no hash, or one cut short, matches nothing', async () => {
  const hasher = argon2Hasher({ reads: READERS })
  const texts = [
    '',
    '!',
    '!unusable',
    'secret1234',
    '$',
    ':',
    '$2b$',
    '$firebase-scrypt$$',
    '$firebase-scrypt$AAAA$AAAA',
  ]
  for (const text of texts) expect(await hasher.verify('', text), text).toEqual(unreadable)
  for (const [, , hash] of VECTORS) {
    const short = hash.slice(0, -30)
    expect((await hasher.verify('secret1234', short)).matches, short).toBe(false)
  }
})

test('parameters that cannot be are refused at the start, by name', () => {
  expect(() => deviseHashes({ pepper: '' })).toThrow(/`pepper`/)
  expect(() => deviseHashes({} as never)).toThrow(/`pepper`/)
  expect(() => firebaseHashes({ ...PROJECT, signerKey: 'a key' })).toThrow(/`signerKey`/)
  expect(() => firebaseHashes({ saltSeparator: 'Bw==' } as never)).toThrow(/`signerKey`/)
  expect(() => firebaseHashes({ ...PROJECT, saltSeparator: '' })).toThrow(/`saltSeparator`/)
  for (const wrong of [{ memCost: 31 }, { memCost: 1.5 }, { rounds: 0 }, { rounds: 200 }]) {
    expect(() => firebaseHashes({ ...PROJECT, ...wrong }), JSON.stringify(wrong)).toThrow(/`rounds` and `memCost`/)
  }
})
