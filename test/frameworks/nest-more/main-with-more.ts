import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import session from 'express-session';
import passport from 'passport';
import { AppWithMore } from './app-with-more.module.js';
import { BASE_URL, port, SESSION_SECRET } from './settings.js';

async function start(): Promise<void> {
  const app = await NestFactory.create(AppWithMore);
  app.use(session({ secret: SESSION_SECRET, resave: false, saveUninitialized: false }));
  app.use(passport.session());
  await app.listen(port);
  console.log(`listening on ${BASE_URL}`);
}

start();
