/**
 * Explains an assertion without the client and its keys. This entry also runs in a browser: it
 * imports nothing from Node.
 *
 * @module
 */

import {
  type Explanation,
  type ExplanationRequest,
  explainAlone,
} from './assertion/explain-alone.js';
import { type RuleOptions, readRules } from './assertion/rules.js';

export type { Explanation };

/**
 * Takes an assertion apart and runs every check that needs neither the client nor its keys. The
 * checks that need them are reported as skipped. Sends nothing and uses nothing up.
 *
 * @param request the form's parameters, and the server that they are meant for. Without an issuer
 *   the audience is not judged
 * @param options those of the server's strategy. Default: the strategy's defaults
 * @throws {TypeError} if an option is wrong
 */
export const explainAssertion = (
  request: ExplanationRequest,
  options: RuleOptions = {},
): Explanation => explainAlone(request, readRules('explainAssertion', options));
