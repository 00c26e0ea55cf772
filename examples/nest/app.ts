import { randomBytes } from 'node:crypto'
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common'
import { createAuth, memoryUsers } from 'pawl'
import { currentAuth, requireAuthenticated } from 'pawl/nest'

export const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
})

@Controller('profile')
class ProfileController {
  @Get()
  @UseGuards(requireAuthenticated(auth))
  show(@Req() request: object) {
    return { hello: currentAuth(auth, request).user?.email }
  }
}

@Module({ controllers: [ProfileController] })
export class AppModule {}
