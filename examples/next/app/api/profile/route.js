// @ts-check
import { requireAuthenticated } from 'pawl/next'
import { auth } from '../../../lib/auth.js'

export const GET = requireAuthenticated(auth, (_request, { user }) => Response.json({ hello: user?.email }))
