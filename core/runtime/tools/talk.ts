import { z } from 'zod'
import { type Entry, entry } from './entry.ts'

export function spawnRoles(spawnable: readonly string[]): Entry {
  return entry({
    description: `Lets another role do a piece of work and gives its result. Roles you may spawn: ${spawnable.join(', ') || 'none'}.`,
    input: z.strictObject({
      role: z.string().min(1).max(100),
      input: z.record(z.string(), z.unknown()).default({}).describe('What that role takes'),
    }),
    works: 'elsewhere',
    prepare: ({ role, input }, { scene }) => ({
      uses: [{ kind: 'spawn', role }],
      run: () => scene.spawn(role, input),
    }),
  })
}

export const sendMessage = entry({
  description: "Says something in the task's conversation, to a worker, a role or a person. It decides nothing.",
  input: z.strictObject({ to: z.string().min(1).max(100), text: z.string().min(1).max(10_000) }),
  works: 'elsewhere',
  prepare: ({ to, text }, { scene }) => ({ uses: [], run: () => scene.say(to.replace(/^@/, ''), text) }),
})

export const askHuman = entry({
  description:
    'Asks the person behind the task one question and waits for the answer. Only for what you cannot find out.',
  input: z.strictObject({ question: z.string().min(1).max(10_000) }),
  works: 'elsewhere',
  prepare: ({ question }, { scene }) => ({ uses: [], run: () => scene.ask(question) }),
})
