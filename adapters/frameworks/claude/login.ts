/** Host variables that log the client in. */
export const logins = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'] as const
/** Those, and where the API is. */
export const accessVariables: readonly string[] = [...logins, 'ANTHROPIC_BASE_URL']
