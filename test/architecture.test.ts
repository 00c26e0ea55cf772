import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** From the ground up; a file imports from its own room and from those before it. */
const ROOMS = [
  'base',
  'protocol',
  'tokens',
  'stores',
  'users',
  'sessions',
  'accounts',
  'http',
  'extensions',
  'front door',
  'adapters',
  'server',
  'testing',
  'cli',
]

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const sourceOf = (file: string) => readFileSync(join(SRC, file), 'utf8')

function roomOf(file: string): string {
  if (/^protocol\./.test(file)) return 'protocol'
  return file.includes('/') ? (file.split('/')[0] as string) : 'front door'
}

function importsOf(file: string): string[] {
  return [...sourceOf(file).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(match => match[1] as string)
}

test('every file is in a room', () => {
  expect(files.length).toBeGreaterThan(50)
  for (const file of files) expect(ROOMS, file).toContain(roomOf(file))
})

test('imports go down', () => {
  const wrong: string[] = []
  for (const file of files) {
    for (const name of importsOf(file).filter(each => each.startsWith('.'))) {
      const target = relative(SRC, join(SRC, file, '..', name))
      if (ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file))) wrong.push(`${file} imports ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

test('an extension imports no other extension', () => {
  const shared = ['beside', 'extension', 'load', 'one-time']
  /** The extension a file is of, by its folder or its name; null for what all of them use. */
  const extensionOf = (file: string) => {
    const [, name = ''] = /^extensions\/([^/.]+)/.exec(file) ?? []
    return name === '' || shared.includes(name) ? null : name
  }
  for (const file of files.filter(each => extensionOf(each) !== null)) {
    for (const name of importsOf(file).filter(each => each.startsWith('.'))) {
      const other = extensionOf(relative(SRC, join(SRC, file, '..', name)))
      if (other !== null) expect(other, file).toBe(extensionOf(file))
    }
  }
})

test('files stay under 300 lines, and their median under 120', () => {
  const lengths = files.map(file => [sourceOf(file).split('\n').length, file] as const).sort(([a], [b]) => a - b)
  expect(lengths.filter(([length]) => length > 300)).toEqual([])
  expect(lengths[Math.floor(lengths.length / 2)]?.[0]).toBeLessThan(120)
})

test('Node, the environment, the clock and the console are met only where they belong', () => {
  const allowed: [RegExp, RegExp][] = [
    [/from 'node:/, /^(?:tokens|adapters|server|testing|cli)\/|^users\/(?:(?:hash-limits|pow|scrypt)\.ts$|hashes\/)/],
    [/process\.env/, /^server\/env\.ts$/],
    [/Date\.now/, /^(?:config|stores\/(?:memory|sqlite|postgres|redis)|cli\/(?:audit|serve|import\/import))\.ts$/],
    [/console\./, /^(?:server|cli)\//],
    [/^export .* from '/m, /index\.ts$/],
  ]
  for (const [what, where] of allowed) {
    const wrong = files.filter(file => what.test(sourceOf(file)) && !where.test(file))
    expect(wrong, String(what)).toEqual([])
  }
})

test('there are two classes: Problem and Context', () => {
  const classes = files.flatMap(file =>
    [...sourceOf(file).matchAll(/^(?:export )?class (\w+)/gm)].map(match => match[1]),
  )
  expect(classes.sort()).toEqual(['Context', 'Problem'])
})

test('no name says nothing', () => {
  for (const file of files) expect(file).not.toMatch(/util|helper|common|misc|shared|\btypes\.ts/)
})
