import { expect, test } from 'vitest'
import { checkpointFile } from '../../../src/cli/import/checkpoint.js'
import { readFlags } from '../../../src/cli/import/flags.js'
import { importUsers } from '../../../src/cli/import/import-users.js'
import { repositoryTarget } from '../../../src/cli/import/repository-target.js'
import { sourceFile } from '../../../src/cli/import/source-file.js'
import { memoryUsers } from '../../../src/index.js'
import { BETTER, betterAuthDump, UUIDS } from './fixtures.js'
import { fileOf, NOW } from './imports.js'

test('a repository of the app’s own gets the users one by one, and each of them once', async () => {
  const users = memoryUsers()
  const flags = readFlags(['--from=better-auth', fileOf(betterAuthDump)])
  const run = () =>
    importUsers({
      ...flags,
      files: flags.paths.map(sourceFile),
      target: repositoryTarget(users, ''),
      kinds: {},
      into: 'test',
      reading: { sessionMs: null, locked: 'suspend' },
      keepSession: null,
      checkpoint: checkpointFile(null),
      openReport: () => ({ size: 0, write() {}, close() {} }),
      now: () => NOW,
    })
  expect(await run()).toMatchObject({ imported: 3, passwords: 1, refused: 0 })
  expect(await users.findByIdentifier('one@example.com')).toMatchObject({ passwordHash: BETTER })
  expect((await users.findById(UUIDS.cyd))?.user).toMatchObject({ email: 'banned@example.com', suspendedAt: NOW })
  expect(await run()).toMatchObject({ imported: 0, already_there: 3, passwords: 0, refused: 0 })
})
