/** Express 4, whose middleware has the same types as that of Express 5 as far as the tests use it. */
declare module 'express4' {
  import express from 'express';

  export default express;
}
