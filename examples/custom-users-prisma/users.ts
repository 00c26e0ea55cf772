// People in a table of the app's own, through Prisma: the five functions, and nothing else.
import { type Account, type BaseUser, Problem, type UserRepository } from 'pawl'
import { Prisma, type PrismaClient, type Person as Row } from './generated/client.js'

export interface Person extends BaseUser {
  readonly name: string
}

const isUuid = (id: string) => /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/.test(id)

function accountOf(row: Row): Account<Person>
function accountOf(row: Row | null | undefined): Account<Person> | null
function accountOf(row: Row | null | undefined): Account<Person> | null {
  if (!row) return null
  const { passwordHash, epoch, suspendedAt, createdAt, updatedAt, ...rest } = row
  const user = {
    ...rest,
    suspendedAt: suspendedAt?.getTime() ?? null,
    createdAt: createdAt.getTime(),
    updatedAt: updatedAt.getTime(),
  }
  return { user, passwordHash, credentialEpoch: epoch }
}

/** The unique index has the last word on who has an address. */
function rethrow(error: unknown): never {
  const isTaken = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
  throw isTaken ? new Problem('email_taken', { cause: error }) : error
}

export function prismaUsers({ person }: PrismaClient): UserRepository<Person> {
  return {
    fields: ['name'],
    findById: async id => (isUuid(id) ? accountOf(await person.findUnique({ where: { id } })) : null),
    findByIdentifier: async email => accountOf(await person.findUnique({ where: { email } })),
    async insert({ id, email, passwordHash, role, createdAt, fields }) {
      const time = new Date(createdAt)
      const row = { id, email: email ?? '', passwordHash, createdAt: time, updatedAt: time, ...fields }
      return accountOf(await person.create({ data: role === undefined ? row : { ...row, role } }).catch(rethrow))
    },
    async update(id, { raiseEpoch, fields, suspendedAt, updatedAt, ...change }, expectedHash) {
      if (!isUuid(id)) return null
      const data = {
        ...change,
        ...fields,
        ...(suspendedAt !== undefined && { suspendedAt: suspendedAt === null ? null : new Date(suspendedAt) }),
        ...(raiseEpoch && { epoch: { increment: 1 } }),
        updatedAt: new Date(updatedAt),
      }
      // One statement: of two changes that expect one hash, one applies.
      const rows = await person.updateManyAndReturn({ where: { id, passwordHash: expectedHash }, data }).catch(rethrow)
      return accountOf(rows[0])
    },
    async delete(id, expectedHash) {
      return isUuid(id) && (await person.deleteMany({ where: { id, passwordHash: expectedHash } })).count > 0
    },
  }
}
