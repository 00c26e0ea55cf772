// Loaded into a server before its own code. While there is a file `kill-at` in its folder, with a number, a moment and
// a name of its own, the process kills itself before or after so many SQLite statements, and leaves a file `killed`.
import { readFileSync, writeFileSync } from 'node:fs'

const { getBuiltinModule } = process
const driver = getBuiltinModule('node:sqlite') ?? (await import('@photostructure/sqlite'))
let plan = ''
let count = 0

/** Counts a statement since the plan was made. The moment to die at, where this is the one. */
function fatalMoment() {
  let text = ''
  try {
    text = readFileSync('kill-at', 'utf8')
  } catch {
    // Nothing is planned.
  }
  count = text === plan ? count + 1 : 1
  plan = text
  const [k, moment] = text.split(' ')
  return count === Number(k) ? moment : null
}

function die() {
  writeFileSync('killed', '')
  process.kill(process.pid, 'SIGKILL')
}

function counted(statement) {
  for (const name of ['get', 'all', 'run']) {
    const original = statement[name].bind(statement)
    Object.defineProperty(statement, name, {
      value(...values) {
        const moment = fatalMoment()
        if (moment === 'before') die()
        const result = original(...values)
        if (moment === 'after') die()
        return result
      },
    })
  }
  return statement
}

function DatabaseSync(file) {
  const database = new driver.DatabaseSync(file)
  const prepare = database.prepare.bind(database)
  return Object.defineProperty(database, 'prepare', { value: sql => counted(prepare(sql)) })
}

// Where the server looks for SQLite first.
process.getBuiltinModule = name => (name === 'node:sqlite' ? { DatabaseSync } : getBuiltinModule(name))
