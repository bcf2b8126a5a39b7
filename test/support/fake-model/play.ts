/** Plays a script's steps in the voice of one API: what they mean is the same for all of them. */

import type { Exchange } from './exchange.ts'
import type { Step } from './script.ts'
import { type ToolCall, toolCall, workingDirectory } from './tools.ts'

/** One answer while it is written. */
export interface Voice {
  think(words: string): Promise<void>
  say(words: string): Promise<void>
  call(call: ToolCall): Promise<void>
  /** Ends it with the failure that the API has for too much load. */
  overload(): Promise<void>
  finish(): Promise<void>
}

/** `prompt` is where the CLI told its working directory. */
export async function play(
  steps: readonly Step[],
  exchange: Exchange,
  voice: Voice,
  prompt: unknown,
): Promise<void> {
  for (const step of steps) if (await playOne(step, exchange, voice, prompt)) return
  await voice.finish()
}

/** True when the answer is over with it. */
async function playOne(
  step: Step,
  exchange: Exchange,
  voice: Voice,
  prompt: unknown,
): Promise<boolean> {
  switch (step.do) {
    case 'think':
      await voice.think(step.text)
      return false
    case 'text':
      await voice.say(step.text)
      return false
    case 'shell':
    case 'write': {
      const directory = workingDirectory(JSON.stringify(prompt))
      const call = toolCall(step, exchange.notes?.tools ?? [], directory)
      if (call !== undefined) await voice.call(call)
      return false
    }
    case 'pause':
      await exchange.pause()
      return false
    case 'hang':
      return exchange.untilGone()
    case 'drop':
      await exchange.drop()
      return true
    case 'overload':
      await voice.overload()
      return true
  }
}
