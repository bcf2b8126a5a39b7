/** Says why a child did not start. The system gives one code for several causes; this tells them apart. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { ProtocolError } from '../../protocol/errors.ts'

export interface StartRequest {
  /** Name of the backend, for the message. */
  readonly backend: string
  readonly command: string
  readonly cwd: string
}

/** START_FAILED with the cause in `details.cause` and in words in `details.reason`. */
export async function startFailure(request: StartRequest, thrown: unknown): Promise<ProtocolError> {
  const { cause, reason } = await diagnose(request, thrown)
  const details = { backend: request.backend, reason, cause }
  return new ProtocolError('START_FAILED', details, { where: 'host', cause: thrown })
}

interface Diagnosis {
  readonly cause: string
  readonly reason: string
}

async function diagnose({ command, cwd }: StartRequest, thrown: unknown): Promise<Diagnosis> {
  const directory = await directoryFault(cwd)
  if (directory !== undefined) return directory
  const code = codeOf(thrown)
  if (code === 'ENOENT' && command.includes('/') && (await exists(command))) {
    const reason = `${command} exists, but the interpreter or loader that it names does not`
    return { cause: 'interpreter_missing', reason }
  }
  if (code === 'ENOENT')
    return { cause: 'command_missing', reason: `there is no command ${command}` }
  if (code === 'EACCES') {
    return { cause: 'command_not_executable', reason: `${command} may not be executed` }
  }
  return {
    cause: code ?? 'unknown',
    reason: thrown instanceof Error ? thrown.message : String(thrown),
  }
}

async function directoryFault(cwd: string): Promise<Diagnosis | undefined> {
  try {
    if (!(await stat(cwd)).isDirectory()) {
      return {
        cause: 'cwd_not_directory',
        reason: `the working directory ${cwd} is not a directory`,
      }
    }
    await access(cwd, constants.X_OK)
    return undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return { cause: 'cwd_missing', reason: `the working directory ${cwd} does not exist` }
    }
    return { cause: 'cwd_not_accessible', reason: `the working directory ${cwd} cannot be entered` }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
