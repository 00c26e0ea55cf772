// @ts-check
import { authHandlers } from 'pawl/next'
import { auth } from '../../../../lib/auth.js'

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = authHandlers(auth)
