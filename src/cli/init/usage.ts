import { importedAs } from './auth-file.js'
import type { Project } from './project.js'

/** Lines to add, and where. */
export interface Usage {
  readonly where: string
  readonly lines: readonly string[]
}

function block(where: string, imports: readonly string[], lines: readonly string[]): Usage {
  return { where, lines: [...imports, '', ...lines] }
}

const APP = 'to the file that makes your app'

function nest(auth: string, { packages }: Project): Usage[] {
  const isFastify = packages.has('@nestjs/platform-fastify') && !packages.has('@nestjs/platform-express')
  const [first, main] = isFastify
    ? [
        'await app.register(authPlugin(auth))',
        ["import { authPlugin } from 'pawl/fastify'", "import { problemHandler } from 'pawl/nest'"],
      ]
    : ['app.use(authMiddleware(auth))', ["import { authMiddleware, problemHandler } from 'pawl/nest'"]]
  return [
    block(
      'to main.ts, after NestFactory.create',
      [...main, auth],
      [first, 'app.useGlobalFilters(problemHandler(auth))'],
    ),
    block(
      'to a controller, on the class or on a method',
      ["import { UseGuards } from '@nestjs/common'", "import { requireAuthenticated } from 'pawl/nest'", auth],
      ['@UseGuards(requireAuthenticated(auth))'],
    ),
  ]
}

function next(project: Project): Usage[] {
  const { source, typescript } = project
  return [
    { where: 'to next.config', lines: ["serverExternalPackages: ['pawl'],"] },
    block(
      `to a route of your own, such as ${source}app/me/route.${typescript ? 'ts' : 'js'}`,
      [
        "import { requireAuthenticated, withAuth } from 'pawl/next'",
        `import { auth } from '${importedAs(project, '../..')}'`,
      ],
      [
        'export const GET = requireAuthenticated(auth, (_request, ctx) => Response.json({ email: ctx.user?.email }))',
        '// for everybody, signed in or not:',
        'export const POST = withAuth(auth, (_request, ctx) => Response.json({ email: ctx.user?.email ?? null }))',
      ],
    ),
  ]
}

/** What to add to the app, word for word. */
export function usageOf(project: Project): readonly Usage[] {
  const auth = `import { auth } from '${importedAs(project)}'`
  switch (project.framework) {
    case 'next':
      return next(project)
    case 'nest':
      return nest(auth, project)
    case 'express':
      return [
        block(
          APP,
          ["import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/express'", auth],
          [
            'app.use(authMiddleware(auth)) // before your routes',
            "app.get('/me', requireAuthenticated(auth, (request, response) => response.json({ email: request.auth.user?.email })))",
            'app.use(problemHandler(auth)) // after them',
          ],
        ),
      ]
    case 'fastify':
      return [
        block(
          APP,
          ["import { authPlugin, currentAuth, problemHandler, requireAuthenticated } from 'pawl/fastify'", auth],
          [
            'await app.register(authPlugin(auth)) // before your routes',
            'app.setErrorHandler(problemHandler(auth))',
            "app.get('/me', { preHandler: requireAuthenticated(auth) }, async request => ({ email: currentAuth(auth, request).user?.email }))",
          ],
        ),
      ]
    case 'hono':
      return [
        block(
          APP,
          ["import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/hono'", auth],
          [
            'app.use(authMiddleware(auth)) // before your routes',
            "app.get('/me', requireAuthenticated(auth, c => c.json({ email: c.get('auth').user?.email })))",
            'app.onError(problemHandler(auth))',
          ],
        ),
      ]
    case 'koa':
      return [
        block(
          APP,
          ["import { authMiddleware, requireAuthenticated } from 'pawl/koa'", auth],
          [
            'app.use(authMiddleware(auth)) // before your routes; answers what they throw, too',
            '// a route of @koa/router, or app.use for everything below it:',
            'app.use(requireAuthenticated(auth, ctx => { ctx.body = { email: ctx.auth.user?.email } }))',
          ],
        ),
      ]
    case 'node':
      return [
        block(
          'to the file that makes your server',
          ["import { authListener, requireAuthenticated } from 'pawl/node'", auth],
          [
            'const me = requireAuthenticated(auth, (request, response) => response.end(request.auth.user?.email))',
            'createServer(authListener(auth, me)).listen(4000) // `me` is your own handler',
          ],
        ),
      ]
  }
}

/** What else the app needs in order to load `auth`: a line each. */
export function loadingOf(project: Project): readonly string[] {
  const { framework, typescript, esm, packages } = project
  if (framework === 'next') return []
  const lines: string[] = []
  if (typescript && !esm) {
    lines.push(
      'Your package is CommonJS and auth.ts an ES module: say `"type": "module"` in package.json and `"module": "nodenext"` in tsconfig.json.',
    )
  }
  if (!typescript && !esm) {
    lines.push(
      "Your package is CommonJS: give the file with these lines the ending .mjs, or load it with `const { auth } = await import('./auth.mjs')`.",
    )
  }
  if (!packages.has('dotenv') && !packages.has('@nestjs/config')) {
    lines.push('Node reads .env when it is told to: start the app with `node --env-file=.env …`.')
  }
  return lines
}
