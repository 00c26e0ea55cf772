import 'reflect-metadata'
import type { Server } from 'node:http'
import { Controller, Get, type INestApplication, Module, Post, Req, Res, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import express from 'express'
import type { FastifyReply } from 'fastify'
import { authPlugin } from '../../../src/adapters/fastify.js'
import {
  authMiddleware,
  currentAuth,
  type NestGuard,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/nest.js'
import type { HostApp, HostController, HostGuard, MakeHost } from '../../../src/testing/index.js'
import { bodyOf, hostOf } from './listening.js'

type Reply = express.Response & FastifyReply

function guardOf({ auth, who, presenter }: HostGuard): NestGuard {
  const options = presenter ? { presenter } : {}
  if (who === 'authenticated') return requireAuthenticated(auth, options)
  if (who === 'not_authenticated') return requireNotAuthenticated(auth, options)
  return requireRole(auth, who, options)
}

/** A class of Nest's for one controller, with its decorators called by hand. */
function classOf({ auths }: HostApp, { method, path, guard, run }: HostController): new () => object {
  class Answering {
    async answer(request: Parameters<typeof currentAuth>[1] & { auth?: unknown }, reply: Reply) {
      const ctx = guard ? (request.auth as ReturnType<typeof currentAuth>) : currentAuth(auths[0], request)
      const answer = await run(ctx, (name, value) => void reply.header(name, value))
      const body = bodyOf(answer)
      reply.status(answer.status)
      for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value)
      if (typeof body === 'object' && 'pipe' in reply) body.pipe(reply as never)
      else reply.send(body)
    }
  }
  const answer = Object.getOwnPropertyDescriptor(Answering.prototype, 'answer') as PropertyDescriptor
  ;(method === 'GET' ? Get(path) : Post(path))(Answering.prototype, 'answer', answer)
  if (guard) UseGuards(guardOf(guard))(Answering.prototype, 'answer', answer)
  Req()(Answering.prototype, 'answer', 0)
  Res()(Answering.prototype, 'answer', 1)
  Controller()(Answering)
  return Answering
}

function moduleOf(app: HostApp): new () => object {
  class App {}
  Module({ controllers: app.controllers.map(each => classOf(app, each)) })(App)
  return App
}

async function listen(app: INestApplication, { auths: [auth], unknown }: HostApp) {
  const own = {
    catch: (_error: unknown, host: { switchToHttp(): { getResponse(): Reply } }) =>
      host.switchToHttp().getResponse().status(500).send('own'),
  }
  app.useGlobalFilters(problemHandler(auth, { unknown: unknown === 'pass' ? (own as never) : 'present' }))
  await app.listen(0, '127.0.0.1')
  return hostOf(app.getHttpServer() as Server, () => app.close())
}

export const nestExpressHost: MakeHost = async described => {
  const app = await NestFactory.create<NestExpressApplication>(moduleOf(described), { logger: false })
  if (described.parserFirst) app.use(express.json(), express.urlencoded({ extended: true }))
  for (const auth of described.auths) app.use(authMiddleware(auth))
  return listen(app, described)
}

export const nestFastifyHost: MakeHost = async described => {
  const adapter = new FastifyAdapter({ forceCloseConnections: true })
  const app = await NestFactory.create<NestFastifyApplication>(moduleOf(described), adapter, { logger: false })
  for (const auth of described.auths) await app.register(authPlugin(auth) as never)
  return listen(app, described)
}
