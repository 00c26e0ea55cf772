import { expect, test, vi } from 'vitest'
import { argon2Hasher, memoryUsers } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { bcryptHashes } from '../../src/users/hashes/index.js'

vi.mock('@node-rs/bcrypt', () => {
  throw new Error("Cannot find package '@node-rs/bcrypt'")
})

test('without the package a hash of bcrypt is a wrong password and an event, no server error', async () => {
  const users = memoryUsers()
  const passwordHash = '$2b$04$WOl7cHLbNjGPOPZYQ98ixOV.mvF0Gi8UdBMmTsDz9OEy2yHCIedie'
  const email = 'me@example.com'
  await users.insert({ id: 'one', email, passwordHash, createdAt: 0 })
  const { request, events, errors } = testAuth({ users, hasher: argon2Hasher({ reads: [bcryptHashes] }) })
  const { status } = await request('POST', '/session', { json: { user: { email, password: 'secret1234' } } })
  expect(status).toBe(401)
  expect(events.map(({ name }) => name)).toEqual(['password.unreadable', 'sign_in.failed'])
  expect(errors).toEqual([])
})
