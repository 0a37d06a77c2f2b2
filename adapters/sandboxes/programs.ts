import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** The absolute path of a program, or its name where none is found, which then is for the start to tell. */
export type Programs = (name: string, path: string, where?: Where) => Promise<string>

export interface Where {
  /** False: a command cannot see the folder. */
  shown(folder: string): boolean
  /** True: commands may write there, so what it holds is not known for longer than a moment. */
  written(folder: string): boolean
}

const anywhere: Where = { shown: () => true, written: () => false }

/** Looks each program up on its PATH once: what is put into an earlier folder afterwards is not what runs. */
export function openPrograms(): Programs {
  const found = new Map<string, string>()
  return async (name, path, { shown, written } = anywhere) => {
    if (name === '' || name.includes('/')) return name
    const key = `${path}\0${name}`
    const known = found.get(key)
    if (known !== undefined) return known
    for (const folder of path.split(delimiter)) {
      if (written(folder)) return name
      if (!isAbsolute(folder) || !shown(folder) || !(await runs(join(folder, name)))) continue
      found.set(key, join(folder, name))
      return join(folder, name)
    }
    return name
  }
}

async function runs(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}
