import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteEventStore } from '../../../adapters/event-stores/sqlite.ts'
import { eventStoreContract } from '../../contracts/event-store.ts'

eventStoreContract('sqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-log-'))
  return {
    open: (process) => sqliteEventStore({ file: join(folder, 'band.db'), process }),
    dispose: () => rmSync(folder, { recursive: true }),
  }
})
