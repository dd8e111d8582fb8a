import { Module } from '@nestjs/common';
import { AppModule } from './app.module.js';
import { MoreController, Refuses, Rejects, Throws } from './more.controller.js';

@Module({
  imports: [AppModule],
  controllers: [MoreController],
  providers: [Rejects, Throws, Refuses],
})
export class AppWithMore {}
