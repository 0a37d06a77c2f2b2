import { fsync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'

const sync = promisify(fsync)

/** What was written is on the disk when it resolves. Yarn's Plug'n'Play puts its own file handles over those of Node, without `sync`. */
export const syncFile = ({ fd }: FileHandle): Promise<void> => sync(fd)
