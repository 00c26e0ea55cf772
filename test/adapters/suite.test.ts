import { HttpException } from '@nestjs/common'
import { HTTPException } from 'hono/http-exception'
import { describe, test } from 'vitest'
import { adapterSuite, type MakeHost } from '../../src/testing/index.js'
import { expressHost } from './hosts/express.js'
import { fastifyHost } from './hosts/fastify.js'
import { honoHost, honoNodeHost } from './hosts/hono.js'
import { koaHost } from './hosts/koa.js'
import { nestExpressHost, nestFastifyHost } from './hosts/nest.js'
import { nextHost } from './hosts/next.js'
import { nodeHost } from './hosts/node.js'
import { webHost } from './hosts/web.js'

const httpErrors = () => Object.assign(new Error('Not you'), { status: 403, statusCode: 403, expose: true })
const fastifyError = () => Object.assign(new Error('Not you'), { code: 'FST_ERR_MINE', statusCode: 403 })
const honoError = () => new HTTPException(403, { message: 'Not you' })
const nestError = () => new HttpException('Not you', 403)

const HOSTS: readonly (readonly [name: string, host: MakeHost, ownRefusal: () => unknown])[] = [
  ['node', nodeHost, httpErrors],
  ['web', webHost, httpErrors],
  ['express', expressHost(true), httpErrors],
  ['express with flat forms', expressHost(false), httpErrors],
  ['fastify', fastifyHost, fastifyError],
  ['hono', honoHost, honoError],
  ['hono on node', honoNodeHost, honoError],
  ['koa', koaHost, httpErrors],
  ['nest on express', nestExpressHost, nestError],
  ['nest on fastify', nestFastifyHost, nestError],
  ['next', nextHost, httpErrors],
]

for (const [name, host, ownRefusal] of HOSTS) describe(name, () => adapterSuite(host, { test, ownRefusal }))
