import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isEmail, normalizeEmail } from '../src/index.js'
import { graphemes, normalizePassword } from '../src/users/password.js'

const anyText = fc.string({ unit: 'binary', maxLength: 300 })
const accepts = (text: string) => isEmail(normalizeEmail(text))

test('the normal form of a normal form is itself', () => {
  fc.assert(fc.property(anyText, text => normalizeEmail(normalizeEmail(text)) === normalizeEmail(text)))
})

test('case, white space around and composition make no second address', () => {
  const word = fc.stringMatching(/^[a-zàéîõüçñ0-9]{1,20}$/)
  fc.assert(
    fc.property(word, word, (local, domain) => {
      const email = normalizeEmail(`${local}@${domain}.example`)
      for (const other of [email.toUpperCase(), ` \t${email}\n`, email.normalize('NFD'), `\u00a0${email}`]) {
        expect(normalizeEmail(other)).toBe(email)
      }
      expect(isEmail(email)).toBe(true)
    }),
  )
})

test('what is accepted is one mailbox, short, and holds nothing that a mail header minds', () => {
  fc.assert(
    fc.property(anyText, anyText, (local, domain) => {
      const email = normalizeEmail(`${local}@${domain}`)
      if (!isEmail(email)) return
      expect(email.length).toBeLessThanOrEqual(254)
      expect(email.split('@')).toHaveLength(2)
      expect(email).not.toMatch(/[\p{C}\s,;:<>()[\]"\\]/u)
    }),
    { numRuns: 2000 },
  )
})

test('addresses people have are accepted', () => {
  const good = [
    'simple@example.com',
    'a@b',
    'user+tag@example.com',
    "o'neil@example.com",
    'a/b@example.com',
    'user%x@example.com',
    'a@xn--nxasmq6b',
    'john.doe@1.2.com',
    'Pelé@example.com',
    'δοκιμή@παράδειγμα.δοκιμή',
    '二ノ宮@黒川.日本',
    'медведь@с-балалайкой.рф',
    'संपर्क@डाटामेल.भारत',
    `${'a'.repeat(64)}@example.com`,
    `a@${'b'.repeat(63)}.com`,
  ]
  for (const email of good) expect(accepts(email), email).toBe(true)
})

test('what is no address, or two, is refused', () => {
  const bad = [
    '',
    'noatsign',
    '@b.com',
    'a@',
    'a@b.',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    'a,b@example.com',
    'A@b@c@example.com',
    '"quoted"@example.com',
    'a(comment)@example.com',
    'a b@c.com',
    'a;b@c.com',
    'a:b@c.com',
    'a<b@c.com',
    'a\\b@c.com',
    'a\nb@example.com',
    'a@exam\nple.com',
    'a@[1.2.3.4]',
    'a@1.2.3.4',
    'a@example.123',
    'a@-b.com',
    'a@b-.com',
    'a@exa_mple.com',
    'a@example..com',
    'a@😀.com',
    'zero\u200bwidth@example.com',
    'nul\0@example.com',
    'half\ud800@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
    `a@${'c'.repeat(63)}.${'c'.repeat(63)}.${'c'.repeat(63)}.${'c'.repeat(63)}`,
  ]
  for (const email of bad) expect(accepts(email), JSON.stringify(email)).toBe(false)
})

test('lengths are counted as people count', () => {
  expect(graphemes('secret1234', 100)).toBe(10)
  expect(graphemes('\r\n', 100)).toBe(1)
  expect(graphemes('👨‍👩‍👧'.repeat(7), 100)).toBe(7)
  expect(graphemes('e\u0301'.repeat(8), 100)).toBe(8)
  expect(graphemes('é'.repeat(5000), 100)).toBe(101)
})

test('a password is changed by composition alone, and what has no UTF-8 or a NUL is none', () => {
  fc.assert(
    fc.property(anyText, text => {
      const password = normalizePassword(text)
      const isNone = text.includes('\0') || !text.isWellFormed() || /\p{M}{31}/u.test(text)
      expect(password).toBe(isNone ? null : text.normalize('NFC'))
    }),
  )
})
