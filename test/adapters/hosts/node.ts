import {
  authListener,
  type NodeHandler,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/node.js'
import { Problem } from '../../../src/index.js'
import type { HostController, MakeHost } from '../../../src/testing/index.js'
import { guarding } from './guards.js'
import { controllerOf, listening, write } from './listening.js'

function handlerOf({ guard, run }: HostController): NodeHandler {
  const handler: NodeHandler = async (request, response) => {
    write(response, await run(request.auth, (name, value) => response.setHeader(name, value)))
  }
  return guard ? guarding({ requireAuthenticated, requireNotAuthenticated, requireRole }, guard, handler) : handler
}

export const nodeHost: MakeHost = ({ auths: [auth, ...others], controllers, unknown }) => {
  const handlers = new Map(controllers.map(each => [each, handlerOf(each)]))
  const present = problemHandler(auth, { unknown })
  const app: NodeHandler = async (request, response) => {
    try {
      request.auth = auth.opened(request.auth as never)
      const handler = handlers.get(controllerOf(controllers, request.method, request.url ?? '') as HostController)
      if (!handler) throw new Problem('not_found')
      await handler(request, response)
    } catch (error) {
      try {
        present(error, request, response)
      } catch {
        response.writeHead(500).end('own')
      }
    }
  }
  const inner = others.reduceRight<NodeHandler>((below, each) => authListener(each, below), app)
  return listening(authListener(auth, inner))
}
