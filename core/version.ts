/** The version of codeband; equal to package.json by test. */
export const version = '0.1.0'

/** The oldest Node that runs it. */
export const oldestNode = '22.18.0'
