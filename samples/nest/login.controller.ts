import {
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Redirect,
  Req,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportSerializer } from '@nestjs/passport';
import type { User } from './login.strategy.js';

/** Sends the user to the provider, or takes the user that comes back and keeps the user logged in. */
class LoginGuard extends AuthGuard('oidc') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

@Injectable()
export class SessionSerializer extends PassportSerializer {
  serializeUser = (user: User, done: (error: null, user: User) => void) => done(null, user);
  deserializeUser = this.serializeUser;
}

@Controller()
export class LoginController {
  @Get('login')
  @UseGuards(LoginGuard)
  login(): void {}

  @Get('callback')
  @UseGuards(LoginGuard)
  @Redirect('/')
  callback(): void {}

  @Get()
  user(@Req() { user }: { readonly user?: User }): object {
    return { user: user ?? null };
  }
}
