import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CORE_PROBLEMS, type CoreProblem, Problem } from '../src/base/problem.js'
import { guidePresenter, problemPresenter } from '../src/http/presenter.js'
import { SETTINGS } from '../src/server/env.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
]

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')

/** The cells of every table row whose first cell is one name in backticks. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => [
    name,
    ...rest.split('|').map(cell => cell.trim()),
  ])
}

function section(text: string, title: string): string {
  const [, found = ''] = text.split(`\n## ${title}\n`)
  return found.split('\n## ')[0] ?? ''
}

/** Ids of headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  return [...withoutCode(readFileSync(path, 'utf8')).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The snippets of a page by file name: the one in their first line, or a number. */
function snippetsOf(page: string): Map<string, string> {
  const snippets = new Map<string, string>()
  for (const [, code = ''] of read(page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
    const named = /^\/\/ ([a-z-]+)\.ts\n/.exec(code)?.[1]
    const name = named && !snippets.has(`${named}.ts`) ? named : `snippet-${snippets.size + 1}`
    // Without an import or export it would be a script, and share its names with the others.
    snippets.set(`${name}.ts`, `${code}\nexport {}\n`)
  }
  return snippets
}

describe('snippets', () => {
  test('every TypeScript snippet compiles', { timeout: 120_000 }, async () => {
    mkdirSync(join(ROOT, '.tmp'), { recursive: true })
    const folder = mkdtempSync(join(ROOT, '.tmp', 'docs-'))
    try {
      const auth = snippetsOf('README.md').get('auth.ts') ?? ''
      let count = 0
      for (const page of PAGES) {
        const snippets = snippetsOf(page)
        if (snippets.size === 0) continue
        count += snippets.size
        const place = join(folder, basename(page, '.md'))
        mkdirSync(place)
        for (const [name, code] of new Map([['auth.ts', auth], ...snippets])) writeFileSync(join(place, name), code)
      }
      expect(count).toBeGreaterThan(20)
      const config = {
        extends: '../../tsconfig.json',
        // A snippet is an application: it emits no declarations and need not use all it shows. Nest's decorate parameters.
        compilerOptions: {
          isolatedDeclarations: false,
          declaration: false,
          noUnusedLocals: false,
          experimentalDecorators: true,
        },
        include: ['**/*.ts'],
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
      const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
      const { stdout } = await promisify(execFile)(tsc, ['--noEmit', '-p', folder], { cwd: ROOT }).catch(error => error)
      expect(stdout).toBe('')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('tables', () => {
  test('docs/problems.md lists every problem with its statuses and message', () => {
    const rows = rowsOf(section(read('docs/problems.md'), 'The codes')).map(cells => cells.slice(0, 4))
    const codes = Object.keys(CORE_PROBLEMS) as CoreProblem[]
    const expected = codes.map(code => {
      const problem = new Problem(code)
      const answers = [guidePresenter, problemPresenter].map(presenter => presenter.problem(problem, null as never))
      return [code, ...answers.map(({ status }) => String(status)), problem.message]
    })
    expect(rows.sort()).toEqual(expected.sort())
  })

  test('docs/server.md lists every setting of the environment', () => {
    const names = rowsOf(section(read('docs/server.md'), 'Settings')).map(([name]) => name)
    expect(names.sort()).toEqual(Object.keys(SETTINGS).sort())
  })

  test('docs/lifecycle.md lists every event', () => {
    const [, union = ''] = /export type AuthEventName =\n([\s\S]*?)\n\n/.exec(read('src/sessions/event.ts')) ?? []
    const declared = [...union.matchAll(/'([a-z_.]+)'/g)].map(([, name]) => name)
    expect(declared.length).toBeGreaterThan(5)
    const names = rowsOf(section(read('docs/lifecycle.md'), 'Events')).map(([name]) => name)
    expect(names.sort()).toEqual(declared.sort())
  })
})

describe('links', () => {
  test.each(PAGES)('every relative link of %s leads somewhere', page => {
    const broken: string[] = []
    for (const [, target = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path)
      if (!existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor))) broken.push(target)
    }
    expect(broken).toEqual([])
  })
})
