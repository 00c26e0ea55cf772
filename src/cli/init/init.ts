import { parseArgs } from 'node:util'
import { processEnv } from '../../server/env.js'
import { authText, extensionOf, NEXT_ROUTE, routeText } from './auth-file.js'
import { envStep, ignoreLines } from './env-file.js'
import { migrationStep } from './migration-file.js'
import { type Choices, DATABASES, FRAMEWORKS, type Project, readProject, TITLES } from './project.js'
import { carryOut, isSame, type Step, writeUnless } from './step.js'
import { loadingOf, usageOf } from './usage.js'

/** Longer ones are not shown where they are not written. */
const SHORT = 40

const VERBS = {
  write: ['wrote', 'would write'],
  append: ['added to', 'would add to'],
  keep: ['kept', 'would keep'],
} as const satisfies Record<Step['act'], readonly [string, string]>

function choice<T extends string>(name: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find(each => each === value)
  if (value !== undefined && found === undefined) throw new TypeError(`--${name} must be ${known.join(', ')}`)
  return found
}

/** The files of sources: `auth`, and Next's route. */
function sourceSteps(project: Project): Step[] {
  const { folder, source, framework, typescript } = project
  const endings = ['.ts', '.mts', '.js', '.mjs', '.tsx']
  const file = (name: string, ending: string, text: string) => {
    const taken = [ending, ...endings].map(each => source + name + each)
    return writeUnless(folder, source + name + ending, taken, text)
  }
  const auth = file('auth', extensionOf(project), authText(project))
  if (framework !== 'next') return [auth]
  return [auth, file(`${NEXT_ROUTE}/route`, typescript ? '.ts' : '.js', routeText(project))]
}

function found(project: Project): string {
  const { framework, others, database, databaseReason, typescript } = project
  const more =
    others.length > 0
      ? `\n${others.map(each => TITLES[each]).join(', ')} is here too: --framework=… chooses another.`
      : ''
  const language = typescript ? 'TypeScript' : 'JavaScript'
  return `${TITLES[framework]}, ${TITLES[database]} (${databaseReason}), ${language}${more}`
}

/** The one line that installs what the project lacks; null when it lacks nothing. */
function installLine({ packages, database, typescript }: Project): string | null {
  const lacks = (names: readonly string[]) => names.filter(name => !packages.has(name))
  const run = lacks(database === 'postgres' ? ['pawl', 'pg'] : ['pawl'])
  const develop = typescript ? lacks(database === 'postgres' ? ['@types/node', '@types/pg'] : ['@types/node']) : []
  const lines = [
    run.length > 0 ? `npm install ${run.join(' ')}` : null,
    develop.length > 0 ? `npm install --save-dev ${develop.join(' ')}` : null,
  ].filter(line => line !== null)
  return lines.length > 0 ? lines.join(' && ') : null
}

const indented = (text: string) => text.replace(/^(?=.)/gm, '    ').trimEnd()

/** What a kept file would have had, where that is short and not what it has. */
function unwritten(folder: string, step: Step): string[] {
  if (step.act !== 'keep' || !step.isPublic || isSame(folder, step)) return []
  if (step.text.split('\n').length > SHORT) return []
  return [`${step.path} is yours and was left alone. For Pawl it would be:\n\n${indented(step.text)}`]
}

/** `pawl init` in a folder: makes what is missing and returns what it did, for people. Overwrites nothing. */
export async function init(folder: string, choices: Choices, dryRun: boolean, now: Date): Promise<string> {
  const project = readProject(folder, choices)
  const env = envStep(project)
  const migration = await migrationStep(project, now)
  const steps = [...sourceSteps(project), env.step, migration.step]
  const kept = steps.flatMap(step => unwritten(folder, step))
  if (!dryRun) for (const step of steps) carryOut(folder, step)

  const width = Math.max(...steps.map(({ path }) => path.length))
  const done = steps.map(({ act, path, note }) => {
    const verb = VERBS[act][dryRun ? 1 : 0]
    return `  ${verb.padEnd(dryRun ? 12 : 8)}  ${note === undefined ? path : `${path.padEnd(width)}  ${note}`}`
  })
  const install = installLine(project)
  const ignored = ignoreLines(project)
  return [
    found(project),
    done.join('\n'),
    ...kept,
    ...(install === null ? [] : [`Install what is missing:\n\n    ${install}`]),
    ...(ignored.length === 0 ? [] : [`Add to .gitignore:\n\n${indented(ignored.join('\n'))}`]),
    ...usageOf(project).map(({ where, lines }) => `Add ${where}:\n\n${indented(lines.join('\n'))}`),
    ...[...env.notes, ...migration.notes, ...loadingOf(project)],
  ].join('\n\n')
}

/** `pawl init`: puts Pawl into the app in the current folder. */
export async function initCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { framework: { type: 'string' }, database: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  })
  const choices: Choices = {
    framework: choice('framework', values.framework, FRAMEWORKS),
    database: choice('database', values.database, DATABASES),
    env: processEnv(),
  }
  console.log(await init(process.cwd(), choices, values['dry-run'] ?? false, new Date()))
}
