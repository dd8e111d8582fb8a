/**
 * Explains an assertion without the client and its keys, also in a browser.
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
 * Decodes an assertion and runs every check that needs neither the client nor its keys. The other
 * checks are reported as skipped. Sends nothing and does not use the assertion up.
 * @param request the form's parameters, and the server that they are meant for. Without an issuer,
 *   the audience check is skipped
 * @param options the options of the server's strategy
 * @throws {TypeError} if an option is wrong
 */
export const explainAssertion = (
  request: ExplanationRequest,
  options: RuleOptions = {},
): Explanation => explainAlone(request, readRules('explainAssertion', options));
