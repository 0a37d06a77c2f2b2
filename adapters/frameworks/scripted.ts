import type { Framework, FrameworkCheck } from '../../core/ports/framework.ts'
import {
  readScript,
  type Script,
  type ScriptFunction,
  type ScriptMoment,
  type ScriptSource,
  type ScriptStep,
  type ScriptTurn,
} from './scripted/script.ts'
import { openSession } from './scripted/session.ts'

export type { Script, ScriptFunction, ScriptMoment, ScriptStep, ScriptTurn }

export interface ScriptedOptions {
  id?: string
  /** Which family it stands for. */
  family: string
  /** Path of a JSON file (relative to the repository), its content, or a function of the turn. docs/scripted.md has the format. */
  script: ScriptSource
}

/** A framework without a model: it says and calls what a script tells, through the same gate as a model's calls. */
export function scripted({ id = 'scripted', family, script: source }: ScriptedOptions): Framework {
  return {
    id,
    family,
    async start(options) {
      const script = typeof source === 'function' ? source : await readScript(source, options.repo)
      return openSession(id, script, options)
    },
    async check({ repo }): Promise<FrameworkCheck> {
      if (typeof source === 'function') return { ok: true, found: 'a script in code', cure: '' }
      try {
        const { turns } = await readScript(source, repo)
        return { ok: true, found: `a script of ${turns.length} turn(s)`, cure: '' }
      } catch (error) {
        // `check` tells what `start` would throw.
        return { ok: false, found: (error as Error).message, cure: 'correct the script' }
      }
    },
  }
}
