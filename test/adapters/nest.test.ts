import { BadRequestException, HttpException } from '@nestjs/common'
import { expect, test } from 'vitest'
import { testAuth } from '../../src/testing/index.js'
import { nestExpressHost, nestFastifyHost } from './hosts/nest.js'

const HOSTS = { express: nestExpressHost, fastify: nestFastifyHost }

for (const [name, makeHost] of Object.entries(HOSTS)) {
  test(`on ${name}, Nest’s own exceptions keep Nest’s own response`, async () => {
    const { auth, errors } = testAuth()
    const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
    const exceptions: Record<string, HttpException> = {
      '/bad': new BadRequestException('Not so'),
      '/text': new HttpException('Not so', 418),
    }
    const host = await makeHost({
      auths: [auth],
      parserFirst: false,
      unknown: 'present',
      controllers: Object.entries(exceptions).map(([path, exception]) => ({
        method: 'POST',
        path: path as '/bad',
        async run(ctx) {
          await auth.accounts.signIn(ctx as never, user, { methods: ['pwd'] })
          throw exception
        },
      })),
    })
    const bad = await host.fetch('/bad', { method: 'POST' })
    expect(bad.status).toBe(400)
    expect(await bad.json()).toEqual({ statusCode: 400, message: 'Not so', error: 'Bad Request' })
    const text = await host.fetch('/text', { method: 'POST' })
    expect(await text.json()).toEqual({ statusCode: 418, message: 'Not so' })
    const nowhere = await host.fetch('/nowhere', {})
    expect(await nowhere.json()).toMatchObject({ statusCode: 404 })
    expect(await auth.store.sessions.listByUser('u1')).toEqual([])
    expect(errors).toEqual([])
    await host.close()
  })
}
