export type { Accounts } from './accounts/accounts.js'
export type { Attempt, Hooks, SignIn } from './accounts/hooks.js'
export { type Auth, createAuth } from './auth.js'
export type { Clock } from './base/clock.js'
export type { Duration } from './base/duration.js'
export type { Json, JsonObject } from './base/json.js'
export type { Migration } from './base/migration.js'
export { type FieldErrors, Problem, type ProblemOptions } from './base/problem.js'
export type { SqlDatabase, SqliteDatabase } from './base/sql-database.js'
export type { AuthOptions, PasswordOptions, SessionOptions } from './config.js'
export type { Extension, ExtensionTools } from './extensions/extension.js'
export type { Answer, Exchange } from './http/exchange.js'
export { requireAuthenticated, requireNotAuthenticated, requireRole } from './http/guards.js'
export { readInput, userInput } from './http/input.js'
export { guidePresenter, type Presenter, problemPresenter } from './http/presenter.js'
export type { Route, RouteDescription } from './http/route.js'
export { bearerSessions, bearerToken } from './sessions/bearer.js'
export type { Caller, Context, IssuedTokens, Refusal } from './sessions/context.js'
export type { AuthEvent, AuthEventName } from './sessions/event.js'
export type { LifecycleParts } from './sessions/parts.js'
export type { OwnSessions, Sessions, SignInFacts } from './sessions/sessions.js'
export type { KeyValueStore } from './stores/key-value-store.js'
export { memoryStore } from './stores/memory.js'
export type { EndedSession, RevocationListener, RevocationSubscription, Revocations } from './stores/revocations.js'
export type { Device, JoinedTable, Renewed, Session, SessionChange, SessionStore } from './stores/session-store.js'
export type { Store } from './stores/store.js'
export { type Argon2Options, argon2Hasher } from './users/argon2.js'
export { isEmail, normalizeEmail } from './users/email.js'
export type { Identifier, UserInput } from './users/fields.js'
export { memoryUsers } from './users/memory.js'
export type { FieldsSchema } from './users/own-fields.js'
export type { PasswordHasher, Verdict } from './users/password-hasher.js'
export { type ScryptOptions, scryptHasher } from './users/scrypt.js'
export type {
  Account,
  AccountChange,
  BaseUser,
  JoinedUsers,
  NewAccount,
  OwnFields,
  UserRepository,
} from './users/user.js'
export { isUsername, normalizeUsername } from './users/username.js'
