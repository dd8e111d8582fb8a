/** Whether a value is an absolute http or https URL, which `localhost:3000` is not. */
export const isWebUrl = (value: unknown): boolean =>
  URL.canParse(String(value)) && ['https:', 'http:'].includes(new URL(String(value)).protocol);
