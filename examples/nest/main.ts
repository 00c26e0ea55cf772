// A guarded route on Nest; see README.md.
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { authMiddleware, problemHandler } from 'pawl/nest'
import { AppModule, auth } from './app.js'

const app = await NestFactory.create(AppModule, { logger: ['error'] })
app.use(authMiddleware(auth))
app.useGlobalFilters(problemHandler(auth))
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
console.log(`listening on ${await app.getUrl()}`)
