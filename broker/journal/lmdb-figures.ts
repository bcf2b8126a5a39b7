/** Figures of an LMDB database that the binding gives without types. */
import type { Database } from 'lmdb'

type Figures = Readonly<Record<string, unknown>>
type AnyDatabase = Database<Buffer, Buffer>

export function figuresOf(database: AnyDatabase): Figures {
  return database.getStats() as Figures
}

/** 0 when there is none of this name. */
export function figure(from: Figures, name: string): number {
  const value = from[name]
  return typeof value === 'number' ? value : 0
}

export function entryCount(database: AnyDatabase): number {
  return figure(figuresOf(database), 'entryCount')
}

/** Pages of a tree, by the figures of its database. */
export function pagesIn(figures: Figures): number {
  const names = ['treeBranchPageCount', 'treeLeafPageCount', 'overflowPages']
  return names.reduce((sum, name) => sum + figure(figures, name), 0)
}

/** Bytes of the pages that hold live records. */
export function pageBytes(database: AnyDatabase): number {
  const figures = figuresOf(database)
  return pagesIn(figures) * figure(figures, 'pageSize')
}
